// The floating-point environment that bn's arithmetic requires, whatever the caller has set.
#pragma once

#include <cfenv>

namespace bn {

/// While the object exists, this thread rounds to nearest-even, keeps subnormals (no flush-to-zero, no
/// denormals-are-zero), masks all traps and, on x87, has extended precision. The destructor restores
/// everything, sticky flags included. The compiler does not know of the change: the arithmetic must be in a
/// function that is called while the object exists and is not inlined there.
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
