#include "subjects/caller_environment.hpp"

#include <cfenv>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace bncheck {
namespace {

int mode_of(Rounding rounding) {
  switch (rounding) {
    case Rounding::down:
      return FE_DOWNWARD;
    case Rounding::up:
      return FE_UPWARD;
    case Rounding::zero:
      return FE_TOWARDZERO;
    case Rounding::nearest:
      break;
  }
  return FE_TONEAREST;
}

// Flush-to-zero has no portable name; machines without SSE keep their default.
#if defined(__SSE2__)
constexpr unsigned flush_flags = 0x8040;  // FTZ and DAZ
unsigned control() {
  return _mm_getcsr();
}
void set_control(unsigned value) {
  _mm_setcsr(value);
}
#else
constexpr unsigned flush_flags = 0;
unsigned control() {
  return 0;
}
void set_control(unsigned) {}
#endif

}  // namespace

CallerEnvironment::CallerEnvironment(const Exec& exec) : rounding_(std::fegetround()), control_(control()) {
  std::fesetround(mode_of(exec.rounding));
  if (exec.flush_to_zero) set_control(control() | flush_flags);
}

CallerEnvironment::~CallerEnvironment() {
  set_control(control_);
  std::fesetround(rounding_);
}

}  // namespace bncheck
