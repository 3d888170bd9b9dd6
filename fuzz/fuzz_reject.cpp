/// Calls that must fail and change nothing, the valid calls closest to them, and the empty batch.

#include "judge_input.hpp"

const bncheck::fuzz::Family& bncheck::fuzz::target_family() {
  return reject_family();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bncheck::fuzz::judge_input(bncheck::fuzz::reject_family(), {data, size});
  return 0;
}
