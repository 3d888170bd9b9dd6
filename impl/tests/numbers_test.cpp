// The arithmetic below the sums: exact sums of floats, double-doubles, the final rounding.
#include "double_double.hpp"
#include "exact_sum.hpp"
#include "rounding.hpp"
#include "support.hpp"

namespace bn::test {
namespace {

TEST(ExactSum, KeepsWhatDoublesLose) {
  ExactSum sum;
  const float large = 3.0e38F;
  const float small = 0x1p-149F;
  sum.add(large);
  sum.add(small);
  sum.add(-large);
  EXPECT_EQ(sum.value(), 0x1p-149);
  sum.add(-small);
  EXPECT_EQ(sum.value(), 0.0);
}

TEST(ExactSum, OfIntegersAndTheirMultiples) {
  std::mt19937_64 engine(3);
  ExactSum sum;
  std::int64_t expected = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto value = static_cast<std::int32_t>(engine() % (1U << 25)) - (1 << 24);
    sum.add(static_cast<float>(value));
    expected += static_cast<std::int64_t>(static_cast<float>(value));
    const auto factor = static_cast<std::int64_t>(engine() % (1U << 20));
    sum.subtract_multiple(static_cast<float>(value), factor);
    expected -= static_cast<std::int64_t>(static_cast<float>(value)) * factor;
    ASSERT_EQ(sum.value(), static_cast<double>(expected)) << i;  // below 2^53, so no rounding
  }
}

TEST(ExactSum, MultipleOfTheLargestFloat) {
  ExactSum sum;
  const std::int64_t count = std::numeric_limits<std::int64_t>::max();
  sum.subtract_multiple(std::numeric_limits<float>::max(), count);
  EXPECT_EQ(sum.value(), -static_cast<double>(std::numeric_limits<float>::max()) * 0x1p63);
  sum.subtract_multiple(-std::numeric_limits<float>::max(), count);
  EXPECT_EQ(sum.value(), 0.0);
}

/// Sums of one, two and more digits.
TEST(ExactSum, OfEveryPowerOfTwo) {
  for (int exponent = -149; exponent <= 127; ++exponent) {
    ExactSum sum;
    sum.add(std::ldexp(-1.0F, exponent));
    EXPECT_EQ(sum.value(), std::ldexp(-1.0, exponent)) << exponent;
  }
}

TEST(DoubleDouble, AddKeepsTheLowPart) {
  const DoubleDouble sum = add(0x1p52, {1.0, 0x1p-60});
  EXPECT_EQ(sum.hi, 0x1p52 + 1);
  EXPECT_EQ(sum.lo, 0x1p-60);
}

TEST(DoubleDouble, TwoSumIsExact) {
  const DoubleDouble sum = two_sum(0x1p100, 1.0);
  EXPECT_EQ(sum.hi, 0x1p100);
  EXPECT_EQ(sum.lo, 1.0);
}

TEST(DoubleDouble, DivideKeepsTheRest) {
  // 1/3 − (hi + lo) is below a few u²·1/3: 2^-104.
  const DoubleDouble third = divide({1.0, 0.0}, 3.0);
  const double rest = std::fma(third.hi, -3.0, 1.0) - 3.0 * third.lo;
  EXPECT_NE(third.lo, 0.0);
  EXPECT_LE(std::fabs(rest), 0x1p-104);
}

TEST(DoubleDouble, CompensatedSumKeepsLowParts) {
  CompensatedSum sum;
  for (const double term : {1.0, 0x1p100, 1.0, -0x1p100}) sum.add(term);
  EXPECT_EQ(sum.value().hi, 2.0);
}

TEST(Rounded, ZerosNansAndLimits) {
  EXPECT_EQ(bits({{rounded(-0.0)}}).front(), 0U);
  EXPECT_EQ(bits({{rounded(-0x1p-1000)}}).front(), 0x80000000U);
  EXPECT_EQ(bits({{rounded(-std::numeric_limits<double>::quiet_NaN())}}).front(), nan_bits);
  EXPECT_EQ(rounded(0x1.ffffffp127), inf);  // the midpoint above the largest float
  EXPECT_EQ(rounded(0x1.fffffefffffffp127), std::numeric_limits<float>::max());  // just below it
}

}  // namespace
}  // namespace bn::test
