#pragma once
/// The floating-point environment in which a subject is called.

#include "bncheck/case.hpp"
#include "core/kept_arithmetic.hpp"

namespace bncheck {

/// Sets the caller's rounding mode and flush-to-zero flags for its lifetime.
class CallerEnvironment {
 public:
  explicit CallerEnvironment(const Exec& exec);

 private:
  KeptArithmetic kept_;
};

}  // namespace bncheck
