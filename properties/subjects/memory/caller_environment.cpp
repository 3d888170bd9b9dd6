#include "subjects/memory/caller_environment.hpp"

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
void flush_to_zero() {
  constexpr unsigned flush_flags = 0x8040;  // FTZ and DAZ
  _mm_setcsr(_mm_getcsr() | flush_flags);
}
#else
void flush_to_zero() {}
#endif

}  // namespace

CallerEnvironment::CallerEnvironment(const Exec& exec) {
  std::fesetround(mode_of(exec.rounding));
  if (exec.flush_to_zero) flush_to_zero();
}

}  // namespace bncheck
