#pragma once
/// The arithmetic of a thread: rounding mode, traps and flags of exceptions, flush-to-zero, and the state of
/// the x87 unit, which long double and parts of the standard library compute with.

#include <cfenv>

namespace bncheck {

/// What is changed of this thread's arithmetic during its lifetime is put back at its end: a subject's own
/// choice is right in its own call and ends with it.
class KeptArithmetic {
 public:
  KeptArithmetic();
  ~KeptArithmetic();
  KeptArithmetic(const KeptArithmetic&) = delete;
  KeptArithmetic& operator=(const KeptArithmetic&) = delete;

 private:
  std::fenv_t environment_{};
  unsigned short x87_control_ = 0;
};

}  // namespace bncheck
