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
