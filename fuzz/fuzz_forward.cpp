/// Forward calls that must succeed: every law except those about rejection and gradients, on the shipped
/// BatchNorm as a layer and, for a share, as functions.

#include "judge_input.hpp"

const bncheck::fuzz::Family& bncheck::fuzz::target_family() {
  return forward_family();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bncheck::fuzz::judge_input(bncheck::fuzz::forward_family(), {data, size});
  return 0;
}
