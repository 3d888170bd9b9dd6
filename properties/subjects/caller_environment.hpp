#pragma once
/// The floating-point environment in which a subject is called.

#include "bncheck/case.hpp"

namespace bncheck {

/// Sets the caller's rounding mode and flush-to-zero flags for its lifetime.
class CallerEnvironment {
 public:
  explicit CallerEnvironment(const Exec& exec);
  ~CallerEnvironment();
  CallerEnvironment(const CallerEnvironment&) = delete;
  CallerEnvironment& operator=(const CallerEnvironment&) = delete;

 private:
  int rounding_;
  unsigned control_;
};

}  // namespace bncheck
