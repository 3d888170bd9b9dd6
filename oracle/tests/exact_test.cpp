#include "bncheck/exact.hpp"

#include <gtest/gtest.h>

#include "real.hpp"

namespace bncheck::test {
namespace {

const Dyadic one{1, 0};

/// The same number in forms that take different branches of compare: plain, over a denominator of either
/// sign, as a/√b with a square b, and as a/√b + c whose approximation has lost every bit.
std::vector<ExactNumber> forms_of(const Dyadic& v) {
  const Dyadic three = Dyadic::of(std::int64_t{3});
  const auto nine = std::make_shared<const Radicand>(three * three);
  const Dyadic big{1, v.exponent + 200};
  return {ExactNumber::rational(v, one),
          ExactNumber::rational(v * three, three),
          ExactNumber::rational(v * -three, -three),
          ExactNumber::quadratic(v * three, nine, Dyadic(), one),
          ExactNumber::quadratic((v + big) * three, nine, -big, one),
          ExactNumber::quadratic((big - v) * three * three, nine, -(big * three), -three)};
}

void expect_rounding(const Dyadic& magnitude, std::uint64_t code, const FloatFormat& format,
                     std::size_t forms) {
  const std::uint64_t sign_bit = std::uint64_t{1} << format.sign_shift();
  const std::vector<ExactNumber> positive = forms_of(magnitude);
  const std::vector<ExactNumber> negative = forms_of(-magnitude);
  for (std::size_t k = 0; k < forms; ++k) {
    ASSERT_EQ(positive[k].nearest_bits(format), code) << "form " << k;
    const std::uint64_t sign = magnitude.is_zero() ? 0 : sign_bit;
    ASSERT_EQ(negative[k].nearest_bits(format), code | sign) << "form " << k;
  }
}

/// The number of the code, the midpoint above it and both sides of that midpoint round as the definition
/// says.
void check_code(std::uint64_t code, const FloatFormat& format, std::size_t forms = 6) {
  const Dyadic low = value_of_code(code, format);
  const Dyadic middle{low.mantissa * 2 + 1, low.exponent - 1};
  const Dyadic touch{1, low.exponent - 150};
  SCOPED_TRACE(testing::Message() << "code " << code << " of precision " << format.precision);
  expect_rounding(low, code, format, forms);
  expect_rounding(middle - touch, code, format, forms);
  expect_rounding(middle, code + (code & 1), format, forms);
  expect_rounding(middle + touch, code + 1, format, forms);
}

TEST(NearestBits, EveryNumberAndMidpointOfF16) {
  for (std::uint64_t code = 0; code < format_f16.infinity_code(); ++code) {
    check_code(code, format_f16, code % 64 == 0 ? 6 : 2);
  }
}

TEST(NearestBits, EveryNumberAndMidpointOfBf16) {
  for (std::uint64_t code = 0; code < format_bf16.infinity_code(); ++code) {
    check_code(code, format_bf16, code % 64 == 0 ? 6 : 2);
  }
}

/// Both sides of zero, of the smallest normal number, of powers of two and of overflow, and random codes.
void check_corners(const FloatFormat& format) {
  Random random(9);
  const std::uint64_t hidden = std::uint64_t{1} << (format.precision - 1);
  std::vector<std::uint64_t> codes;
  for (std::uint64_t k = 0; k < 20; ++k) {
    codes.push_back(k);
    codes.push_back(hidden - 10 + k);
    codes.push_back(format.infinity_code() - 1 - k);
    const auto binade = static_cast<std::uint64_t>(random.between(2, (1 << format.exponent_bits) - 2));
    codes.push_back(hidden * binade - 1);
    codes.push_back(hidden * binade);
  }
  for (int k = 0; k < 300; ++k) codes.push_back(random.next() % format.infinity_code());
  for (const std::uint64_t code : codes) check_code(code, format);
}

TEST(NearestBits, CornersOfF32) {
  check_corners(format_f32);
}
TEST(NearestBits, CornersOfF64) {
  check_corners(format_f64);
}

TEST(NearestBits, OverflowBeginsHalfAnUlpPastTheLargest) {
  for (const FloatFormat& format : {format_f16, format_bf16, format_f32, format_f64}) {
    const Dyadic limit{(Integer(1) << static_cast<unsigned>(format.precision + 1)) - 1,
                       -format.min_exponent + 1 - format.precision};
    const Dyadic touch{1, -2000};
    expect_rounding(limit - touch, format.infinity_code() - 1, format, 6);
    expect_rounding(limit, format.infinity_code(), format, 6);
    expect_rounding(Dyadic{1, 3000}, format.infinity_code(), format, 6);
    // Far below the smallest number: the sign stays, the magnitude becomes 0.
    expect_rounding(Dyadic{1, -3000}, 0, format, 6);
    expect_rounding(Dyadic{1, format.smallest_exponent() - 1}, 0, format, 6);
    expect_rounding(Dyadic{1, format.smallest_exponent() - 1} + touch, 1, format, 6);
  }
}

TEST(NearestBits, ZeroIsPositiveAndNanIsQuiet) {
  for (const ExactNumber& zero : forms_of(Dyadic())) EXPECT_EQ(bits_of(zero.nearest_f32()), 0u);
  EXPECT_EQ(bits_of(ExactNumber::nan().nearest_f32()), 0x7fc00000u);
  EXPECT_EQ(bits_of(ExactNumber::infinity(1).nearest_f32()), 0x7f800000u);
  EXPECT_EQ(bits_of(ExactNumber::infinity(-1).nearest_f32()), 0xff800000u);
  EXPECT_EQ(ExactNumber::nan().nearest_bits(format_f16), 0x7e00u);
  EXPECT_EQ(ExactNumber::infinity(-1).nearest_bits(format_f64), 0xfff0000000000000u);
  EXPECT_EQ(bits_of(ExactNumber::rational(Dyadic{-1, -151}, one).nearest_f32()), 0x80000000u);
}

TEST(Binade, IsTheFloorOfTheLogarithm) {
  for (std::int64_t e = -1200; e <= 1200; e += 7) {
    const Dyadic power{1, e};
    const Dyadic touch{1, e - 190};
    for (int sign = -1; sign <= 1; sign += 2) {
      const auto signed_forms = [&](const Dyadic& v) { return forms_of(sign < 0 ? -v : v); };
      for (const ExactNumber& number : signed_forms(power)) ASSERT_EQ(number.binade(), e);
      for (const ExactNumber& number : signed_forms(power - touch)) ASSERT_EQ(number.binade(), e - 1);
      for (const ExactNumber& number : signed_forms(power + touch)) ASSERT_EQ(number.binade(), e);
    }
  }
  // Cancellation to zero in long double: the search has no first guess.
  const auto four = std::make_shared<const Radicand>(Dyadic::of(std::int64_t{4}));
  const Dyadic tiny{1, -5000};
  const Dyadic sum = one + tiny;
  EXPECT_EQ(ExactNumber::quadratic(sum + sum, four, -one, one).binade(), -5000);
}

struct Quadratic {
  Dyadic a, b, c, d;
  ExactNumber exact() const { return ExactNumber::quadratic(a, std::make_shared<const Radicand>(b), c, d); }
  Real real(mpfr_prec_t precision) const {
    return (Real(precision, a) / sqrt(Real(precision, b)) + Real(precision, c)) / Real(precision, d);
  }
};

Quadratic random_quadratic(Random& random) {
  const auto dyadic = [&](int limbs) { return Dyadic{random.integer(limbs), random.between(-200, 200)}; };
  Quadratic q{dyadic(2), dyadic(3), dyadic(1), dyadic(1)};
  if (q.b.sign() <= 0) q.b = -q.b + Dyadic{1, -150};
  if (q.d.is_zero()) q.d = one;
  if (random.coin()) q.d = random.coin() ? one : -one;
  return q;
}

/// a/√b cancels all of c except for the last few of 64 bits.
void make_cancel(Quadratic& q) {
  const Real root = Real(64, q.a) / sqrt(Real(64, q.b));
  mpz_t mantissa;
  mpz_init(mantissa);
  const mpfr_exp_t exponent = mpfr_get_z_2exp(mantissa, root.get());
  char* digits = mpz_get_str(nullptr, 16, mantissa);
  const bool negative = *digits == '-';
  const Integer magnitude("0x" + std::string(digits + (negative ? 1 : 0)));
  std::free(digits);
  q.c = Dyadic{negative ? magnitude : -magnitude, static_cast<std::int64_t>(exponent)};
  mpz_clear(mantissa);
}

TEST(ExactNumber, ComparesLikeMpfr) {
  Random random(10);
  for (int k = 0; k < 4000; ++k) {
    Quadratic q = random_quadratic(random);
    if (k % 2 == 0 && !q.a.is_zero()) make_cancel(q);
    const ExactNumber exact = q.exact();
    const Real value = q.real(4000);
    const float near = exact.nearest_f32();
    if (!std::isfinite(near)) continue;
    for (const double t : {static_cast<double>(near), static_cast<double>(std::nextafter(near, 1e38f)), 0.0,
                           static_cast<double>(random.any_finite())}) {
      const int order = compare(value, Real(4000, t));
      ASSERT_EQ(exact.compare(Dyadic::of(t)), (order > 0) - (order < 0));
    }
  }
}

/// The bound of 2^−58 of exact.hpp, checked with 4000 bits: the distance may be smaller than the number by
/// several hundred bits, and MPFR's own error stays below 2^−3000 of it.
TEST(ExactNumber, DistanceHasARelativeErrorBelowTwoToTheMinus58) {
  Random random(11);
  constexpr mpfr_prec_t precision = 4000;
  for (int k = 0; k < 6000; ++k) {
    Quadratic q = random_quadratic(random);
    if (k % 2 == 0 && !q.a.is_zero()) make_cancel(q);
    const ExactNumber exact = q.exact();
    const float near = exact.nearest_f32();
    for (const float t : {near, std::nextafter(near, 0.0f), 0.0f, random.any_finite()}) {
      if (!std::isfinite(t)) continue;
      const Real want = abs(q.real(precision) - Real(precision, static_cast<double>(t)));
      Real got(precision);
      mpfr_set_ld(got.get(), exact.distance(Dyadic::of(static_cast<double>(t))), MPFR_RNDN);
      if (exact.compare(Dyadic::of(static_cast<double>(t))) == 0) {
        ASSERT_NE(mpfr_zero_p(got.get()), 0);
        continue;
      }
      ASSERT_LT(compare(abs(got - want), want * Real(precision, 0x1p-58)), 0);
    }
  }
}

TEST(ValueOfCode, CountsTheNumbersInOrder) {
  for (const FloatFormat& format : {format_f16, format_bf16, format_f32}) {
    const std::uint64_t step = format.precision == 24 ? 9973 : 1;
    for (std::uint64_t code = 0; code + 1 < format.infinity_code(); code += step) {
      ASSERT_LT(compare(value_of_code(code, format), value_of_code(code + 1, format)), 0);
      if (format.precision == 24) {
        const float value = float_of(static_cast<std::uint32_t>(code));
        ASSERT_EQ(value_of_code(code, format).approximate(), static_cast<long double>(value));
      }
    }
  }
  EXPECT_EQ(value_of_code(0x7bff, format_f16).approximate(), 65504);
  EXPECT_EQ(value_of_code(0x7f7f, format_bf16).approximate(), 0x1.fep127L);
  EXPECT_EQ(value_of_code(1, format_f64).approximate(), 0x1p-1074L);
}

}  // namespace
}  // namespace bncheck::test
