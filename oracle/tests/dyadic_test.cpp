#include <gtest/gtest.h>

#include <limits>

#include "real.hpp"

namespace bncheck::test {
namespace {

Dyadic random_dyadic(Random& random) {
  const int limbs = static_cast<int>(random.between(0, 12));
  return {random.integer(limbs), random.between(-1100, 1100)};
}

/// Precision that is enough for every sum and product of two random_dyadic: exponents 2200 apart, 768 bits
/// each.
constexpr mpfr_prec_t exact_precision = 4096;

Real real(const Dyadic& value) {
  return {exact_precision, value};
}

TEST(Dyadic, HoldsEveryDoubleExactly) {
  Random random(2);
  std::vector<double> values{0.0,
                             -0.0,
                             1,
                             -1,
                             0x1p-1074,
                             -0x1p-1074,
                             0x1p-1022,
                             0x0.fffffffffffffp-1022,
                             std::numeric_limits<double>::max(),
                             -std::numeric_limits<double>::max()};
  for (int k = 0; k < 20000; ++k) {
    const double value = std::bit_cast<double>(random.next());
    if (std::isfinite(value)) values.push_back(value);
  }
  for (const double value : values) {
    const Dyadic dyadic = Dyadic::of(value);
    ASSERT_EQ(dyadic.approximate(), static_cast<long double>(value));
    ASSERT_EQ(compare(real(dyadic), Real(exact_precision, value)), 0) << value;
    ASSERT_EQ(dyadic.sign(), (value > 0) - (value < 0));
  }
  for (const std::int64_t value : {INT64_MIN, INT64_MAX, std::int64_t{0}, std::int64_t{-7}}) {
    EXPECT_EQ(Dyadic::of(value).approximate(), static_cast<long double>(value));
  }
}

TEST(Dyadic, SumsDifferencesAndProductsAreThoseOfMpfr) {
  Random random(3);
  for (int k = 0; k < 5000; ++k) {
    const Dyadic a = random_dyadic(random);
    const Dyadic b = random.between(0, 9) == 0 ? -a : random_dyadic(random);
    ASSERT_EQ(compare(real(a + b), real(a) + real(b)), 0);
    ASSERT_EQ(compare(real(a - b), real(a) - real(b)), 0);
    ASSERT_EQ(compare(real(a * b), real(a) * real(b)), 0);
    ASSERT_EQ(compare(real(-a) + real(a), real(Dyadic())), 0);
  }
}

TEST(Dyadic, ComparesByValueWhateverTheExponent) {
  Random random(4);
  for (int k = 0; k < 5000; ++k) {
    const Dyadic a = random_dyadic(random);
    const auto shift = static_cast<unsigned>(random.between(0, 900));
    const Dyadic same{a.mantissa << shift, a.exponent - shift};
    ASSERT_EQ(compare(a, same), 0);
    ASSERT_EQ(compare(same, a), 0);
    const Dyadic above = same + Dyadic{1, a.exponent - 901};
    ASSERT_EQ(compare(a, above), -1);
    ASSERT_EQ(compare(above, a), 1);
    const Dyadic b = random_dyadic(random);
    const int order = compare(real(a), real(b));
    ASSERT_EQ(compare(a, b), (order > 0) - (order < 0));
  }
  EXPECT_EQ(compare(Dyadic{0, 500}, Dyadic{0, -500}), 0);
  EXPECT_EQ(compare(Dyadic{0, 500}, Dyadic{1, -500}), -1);
  EXPECT_EQ(compare(Dyadic{0, 500}, Dyadic{-1, -500}), 1);
}

TEST(Dyadic, ApproximatesWithin62Bits) {
  Random random(5);
  const Real unit(exact_precision, 0x1p-62);
  for (int k = 0; k < 5000; ++k) {
    const Dyadic a = random_dyadic(random);
    Real approximation(exact_precision);
    mpfr_set_ld(approximation.get(), a.approximate(), MPFR_RNDN);
    if (a.is_zero()) {
      ASSERT_EQ(a.approximate(), 0);
      continue;
    }
    ASSERT_LT(compare(abs(approximation - real(a)), abs(real(a)) * unit), 0);
  }
}

}  // namespace
}  // namespace bncheck::test
