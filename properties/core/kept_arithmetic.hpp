#pragma once
/// The floating-point environment of a thread: rounding mode, traps and flags of exceptions, flush-to-zero,
/// and the state of the x87 unit, which long double and parts of the standard library use.

#include <cfenv>

namespace bncheck {

/// Restores the floating-point environment of this thread at the end of its lifetime. A subject may change it
/// for its own call only.
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
