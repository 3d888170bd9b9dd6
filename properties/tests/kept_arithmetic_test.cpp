/// Changes that a subject leaves in the floating-point environment of its thread.

#include "core/kept_arithmetic.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cfenv>
#include <cstdint>
#include <functional>
#include <limits>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "support.hpp"

namespace bncheck::test {
namespace {

/// Right subject that then changes its thread's environment.
class Careless : public Perfect {
 public:
  explicit Careless(std::function<void()> trick)
      : Perfect(*dialect_named("pytorch")), trick_(std::move(trick)) {}
  Outcome run(const Case& c) override {
    Outcome outcome = Perfect::run(c);
    trick_();
    return outcome;
  }

 private:
  std::function<void()> trick_;
};

/// Quotient of numbers that the compiler does not know.
template <class T>
T quotient(T a, T b) {
  volatile T numerator = a, denominator = b;
  return numerator / denominator;
}

/// Bits of the value: if subnormals count as zero, a comparison with zero shows nothing.
std::uint64_t bits_of(double value) {
  return std::bit_cast<std::uint64_t>(value);
}

/// Checks that the environment after the trick is the one before it.
void expect_unharmed(const std::function<void()>& trick) {
  const double third = quotient(1.0, 3.0);
  const long double long_third = quotient(1.0L, 3.0L);
  const auto tiny = bits_of(quotient(std::numeric_limits<double>::min(), 4.0));
  std::feclearexcept(FE_ALL_EXCEPT);
  Careless subject(trick);
  Runner runner(subject);
  const Run run = runner.run(forward_case(true, {3, 1}, {1, 2, 4}));
  EXPECT_EQ(run.replies.size(), 1U);
  EXPECT_EQ(std::fetestexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW), 0);
  EXPECT_EQ(std::fegetround(), FE_TONEAREST);
  EXPECT_EQ(quotient(1.0, 3.0), third);
  EXPECT_EQ(quotient(1.0L, 3.0L), long_third);
  EXPECT_EQ(bits_of(quotient(std::numeric_limits<double>::min(), 4.0)), tiny);
}

TEST(KeptArithmetic, RoundingMode) {
  expect_unharmed([] { std::fesetround(FE_UPWARD); });
}

TEST(KeptArithmetic, Flags) {
  expect_unharmed([] { std::feraiseexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW); });
}

#if defined(__GLIBC__) && defined(__x86_64__)
TEST(KeptArithmetic, Traps) {
  expect_unharmed([] { ::feenableexcept(FE_ALL_EXCEPT); });
}

TEST(KeptArithmetic, FlushToZero) {
  expect_unharmed([] { _mm_setcsr(_mm_getcsr() | 0x8040); });
}

TEST(KeptArithmetic, PrecisionOfX87) {
  expect_unharmed([] {
    const unsigned short single = 0x007f;
    __asm__ volatile("fldcw %0" : : "m"(single));
  });
}

TEST(KeptArithmetic, RegistersOfMmx) {
  expect_unharmed([] { __asm__ volatile("pxor %%mm0, %%mm0" : : : "mm0"); });
}
#endif

}  // namespace
}  // namespace bncheck::test
