/// Backward calls that must succeed: every law about gradients except those about rejection, on the shipped
/// BatchNorm as a layer and, for a share, as functions.

#include "judge_input.hpp"

const bncheck::fuzz::Family& bncheck::fuzz::target_family() {
  return backward_family();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bncheck::fuzz::judge_input(bncheck::fuzz::backward_family(), {data, size});
  return 0;
}
