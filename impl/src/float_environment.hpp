// The floating-point environment that our arithmetic is written for, whatever the caller has set.
#pragma once

#include <cfenv>

namespace bn {

/// While it lives, this thread rounds to nearest-even, keeps subnormals (no flush-to-zero, no
/// denormals-are-zero), masks all traps and, on x87, has extended precision. The destructor restores
/// everything, sticky flags included. The compiler does not know of it: arithmetic belongs into a function
/// that is called while one lives and that is not inlined there.
class FloatEnvironment {
 public:
  FloatEnvironment() noexcept {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~FloatEnvironment() { std::fesetenv(&saved_); }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
  std::fenv_t saved_;
};

}  // namespace bn
