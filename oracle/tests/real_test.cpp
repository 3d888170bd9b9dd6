#include "real.hpp"

#include <gtest/gtest.h>

namespace bncheck::test {
namespace {

TEST(Real, RoundsToFloat) {
  Random random(1);
  std::vector<std::uint32_t> codes;
  for (std::uint32_t k = 0; k < 40; ++k) {
    for (const std::uint32_t at : {0u, 0x400000u, 0x7fffd8u, 0x800000u, 0x3f800000u, 0x7f7fffd8u}) {
      codes.push_back(at + k);
    }
  }
  for (int k = 0; k < 2000; ++k) codes.push_back(static_cast<std::uint32_t>(random.between(0, 0x800000)));
  for (const std::uint32_t code : codes) {
    const Dyadic low = value_of_code(code, format_f32);
    const Dyadic middle{low.mantissa * 2 + 1, low.exponent - 1};
    for (int side = -1; side <= 1; ++side) {
      const Real value(400, middle + Dyadic{side, low.exponent - 300});
      ASSERT_EQ(nearest(value, format_f32), static_cast<double>(nearest_f32(value))) << code << ' ' << side;
      const bool up = side > 0 || (side == 0 && (code & 1) != 0);
      ASSERT_EQ(bits_of(nearest_f32(value)), code + (up ? 1 : 0)) << code << ' ' << side;
    }
  }
}

TEST(Interval, EndsDecideOnlyTogether) {
  const mpfr_prec_t precision = 96;
  const Interval third = Interval(precision, 1) / Interval(precision, 3);
  EXPECT_EQ(nearest_f32(third), 1.0f / 3);
  const Interval around_zero = third * Interval(precision, 3) - Interval(precision, 1);
  EXPECT_EQ(nearest_f32(around_zero), std::nullopt);
  EXPECT_TRUE(around_zero.contains(Real(precision, 0.0)));
  EXPECT_EQ(nearest_f32(Interval(precision, 0)), 0.0f);
}

}  // namespace
}  // namespace bncheck::test
