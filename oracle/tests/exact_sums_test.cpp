#include "exact_sums.hpp"

#include <gtest/gtest.h>

#include "real.hpp"

namespace bncheck::test {
namespace {

template <class T>
void add_and_check(const std::vector<T>& values) {
  ExactSums sums;
  sums.add(T{1});
  sums.clear();
  Dyadic sum;
  Dyadic magnitudes;
  Dyadic squares;
  for (const T value : values) {
    sums.add(value);
    const Dyadic exact = Dyadic::of(static_cast<double>(value));
    sum = sum + exact;
    magnitudes = magnitudes + (exact.sign() < 0 ? -exact : exact);
    squares = squares + exact * exact;
  }
  EXPECT_EQ(sums.count(), static_cast<std::int64_t>(values.size()));
  EXPECT_EQ(compare(sums.sum(), sum), 0);
  EXPECT_EQ(compare(sums.sum_of_magnitudes(), magnitudes), 0);
  EXPECT_EQ(compare(sums.sum_of_squares(), squares), 0);
}

TEST(ExactSums, AreTheSumsOfAnyFloats) {
  Random random(6);
  std::vector<float> values{0.0f, -0.0f, 0x1p-149f, -0x1.fffffep127f, 0x1.fffffep127f};
  for (int k = 0; k < 3000; ++k) values.push_back(random.any_finite());
  add_and_check(values);
  add_and_check(std::vector<float>(3000, -0x1.fffffep127f));
  add_and_check(std::vector<float>{});
}

TEST(ExactSums, AreTheSumsOfAnyDoublesPastTheFoldingOfBins) {
  Random random(7);
  std::vector<double> values{0x1p-1074, -0x1.fffffffffffffp1023};
  for (int k = 0; k < 3000; ++k) {
    const double value = std::bit_cast<double>(random.next());
    if (std::isfinite(value)) values.push_back(value);
  }
  add_and_check(values);
  add_and_check(std::vector<double>(3000, 0x1.fffffffffffffp1023));
}

// ---- products

using Pairs = std::vector<std::pair<double, double>>;

void add_and_check_products(const Pairs& pairs) {
  ExactProducts products;
  products.add(3, 5);
  products.clear();
  Dyadic sum;
  for (const auto& [a, b] : pairs) {
    products.add(a, b);
    sum = sum + Dyadic::of(a) * Dyadic::of(b);
  }
  EXPECT_EQ(compare(products.sum(), sum), 0);
  // Another folding, and additions after it, keep the sum.
  products.add(-0x1p-1074, 0x1p-1074);
  EXPECT_EQ(compare(products.sum(), sum - Dyadic(1, -2148)), 0);
  products.clear();
  EXPECT_TRUE(products.sum().is_zero());
}

TEST(ExactProducts, AreTheSumsOfAnyProducts) {
  Random random(9);
  Pairs floats;
  Pairs doubles;
  for (int k = 0; k < 3000; ++k) {
    floats.emplace_back(static_cast<double>(random.any_finite()), static_cast<double>(random.any_finite()));
    const double a = std::bit_cast<double>(random.next());
    const double b = std::bit_cast<double>(random.next());
    if (std::isfinite(a) && std::isfinite(b)) doubles.emplace_back(a, b);
  }
  add_and_check_products(floats);
  add_and_check_products(doubles);
  add_and_check_products({});
}

TEST(ExactProducts, Extremes) {
  constexpr double largest = 0x1.fffffffffffffp1023;
  constexpr double smallest = 0x1p-1074;
  for (const double a : {largest, -largest, smallest, -smallest, 0.0, -0.0, 1.0}) {
    for (const double b : {largest, -largest, smallest, -smallest, 0.0, -0.0, 1.0}) {
      add_and_check_products({{a, b}});
      add_and_check_products({{a, b}, {-1, 0x1p-60}, {a, b}});
    }
  }
}

TEST(ExactProducts, CancelToTheLastBit) {
  constexpr double largest = 0x1.fffffffffffffp1023;
  constexpr double smallest = 0x1p-1074;
  ExactProducts products;
  products.add(largest, largest);
  products.add(smallest, smallest);
  products.add(-largest, largest);
  EXPECT_EQ(compare(products.sum(), Dyadic(1, -2148)), 0);
  products.add(smallest, -smallest);
  EXPECT_TRUE(products.sum().is_zero());
}

/// Three times as many products of the largest mantissas as a bin takes between two foldings.
TEST(ExactProducts, OutlastTheirBins) {
  constexpr double a = 0x1.fffffffffffffp1023;
  constexpr std::int64_t many = 3 << 20;
  ExactProducts products;
  for (std::int64_t k = 0; k < many; ++k) products.add(a, k % 3 == 2 ? -a : a);
  EXPECT_EQ(compare(products.sum(), Dyadic::of(many / 3) * Dyadic::of(a) * Dyadic::of(a)), 0);
  products.clear();
  for (std::int64_t k = 0; k < many; ++k) products.add(a, -a);
  EXPECT_EQ(compare(products.sum(), -(Dyadic::of(many) * Dyadic::of(a) * Dyadic::of(a))), 0);
}

TEST(ExactSums, DecomposeKeepsTheValue) {
  Random random(8);
  for (int k = 0; k < 20000; ++k) {
    const float value = random.any_finite();
    const Decomposed d = decompose(value);
    ASSERT_EQ(std::ldexp(static_cast<double>(d.mantissa), d.exponent), static_cast<double>(value));
    const double wide = std::bit_cast<double>(random.next());
    if (!std::isfinite(wide)) continue;
    const Decomposed w = decompose(wide);
    ASSERT_EQ(std::ldexp(static_cast<double>(w.mantissa), w.exponent), wide);
  }
}

}  // namespace
}  // namespace bncheck::test
