/// Elements of every dtype as doubles, and doubles as elements.
#include "bncheck/elements.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "support.hpp"

namespace bncheck::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr Dtype all_dtypes[] = {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16};

TEST(Elements, EveryHalfIsTheNumberOfItsCodeAndKeepsItsBits) {
  for (const Dtype dtype : {Dtype::f16, Dtype::bf16}) {
    const FloatFormat format = format_of(dtype);
    Tensor tensor = Tensor::zeros(dtype, {1});
    for (std::uint64_t bits = 0; bits < 0x10000; ++bits) {
      set_element_bits(tensor, 0, bits);
      const double value = element(tensor, 0);
      const std::uint64_t code = bits & 0x7fff;
      ASSERT_EQ(std::isnan(value), code > format.infinity_code()) << bits;
      if (std::isnan(value)) continue;
      ASSERT_EQ(std::signbit(value), bits >= 0x8000) << bits;
      ASSERT_EQ(std::isinf(value), code == format.infinity_code()) << bits;
      if (std::isfinite(value)) {
        ASSERT_EQ(compare(Dyadic::of(std::fabs(value)), value_of_code(code, format)), 0) << bits;
      }
      set_element(tensor, 0, value);
      ASSERT_EQ(element_bits(tensor, 0), bits);
    }
  }
}

TEST(Elements, HalvesByHand) {
  Tensor tensor = Tensor::zeros(Dtype::f16, {2});
  set_element(tensor, 1, 1);
  EXPECT_EQ(element_bits(tensor, 1), 0x3c00u);
  EXPECT_EQ(element_bits(tensor, 0), 0u);
  set_element(tensor, 1, -0x1p-24);
  EXPECT_EQ(element_bits(tensor, 1), 0x8001u);
  EXPECT_EQ(largest_finite(Dtype::f16), 65504);
  EXPECT_EQ(largest_finite(Dtype::bf16), 0x1.fep127);
  EXPECT_EQ(rounded_to(Dtype::bf16, 1 + 0x1p-8), 1);
  EXPECT_EQ(rounded_to(Dtype::bf16, 1 + 0x1.8p-7), 1 + 0x1p-6);
}

/// Compared with the oracle's own rounding, which compares integers with midpoints.
TEST(Elements, RoundAsExactNumbersDo) {
  Random random(7);
  for (int k = 0; k < 20000; ++k) {
    for (const FloatFormat& format : {format_f16, format_bf16, format_f32}) {
      double value = std::ldexp(random.normal(), static_cast<int>(random.between(-160, 130)));
      if (k % 3 == 0) {  // midpoints and their neighbours
        const std::uint64_t code = random.next() % format.infinity_code();
        value = (value_of_bits(code, format) + value_of_bits(code + (k % 2 == 0 ? 1u : 0u), format)) / 2;
        if (!std::isfinite(value)) continue;
        if (k % 5 == 0) value = std::nextafter(value, k % 10 == 0 ? 0 : inf);
      }
      const ExactNumber exact = ExactNumber::rational(Dyadic::of(value), Dyadic(1, 0));
      ASSERT_EQ(value_of_bits(nearest_bits_of(value, format), format), exact.nearest(format)) << value;
    }
  }
  for (const Dtype dtype : all_dtypes) {
    const double largest = largest_finite(dtype);
    EXPECT_EQ(rounded_to(dtype, inf), inf);
    EXPECT_EQ(rounded_to(dtype, largest), largest);
    EXPECT_TRUE(std::isnan(rounded_to(dtype, std::nan(""))));
    EXPECT_TRUE(std::signbit(rounded_to(dtype, -0.0)));
  }
  EXPECT_EQ(rounded_to(Dtype::f16, 65519.99), 65504);
  EXPECT_EQ(rounded_to(Dtype::f16, 65520), inf);
}

TEST(Elements, NeighboursAreOneCodeApart) {
  for (const Dtype dtype : all_dtypes) {
    const FloatFormat format = format_of(dtype);
    const double smallest = std::ldexp(1.0, format.smallest_exponent());
    EXPECT_EQ(next_to(dtype, 0, true), smallest);
    EXPECT_EQ(next_to(dtype, 0, false), -smallest);
    EXPECT_EQ(next_to(dtype, smallest, false), 0);
    EXPECT_EQ(next_to(dtype, -smallest, true), 0);
    EXPECT_EQ(next_to(dtype, 1, true), 1 + std::ldexp(1.0, 1 - format.precision));
    EXPECT_EQ(next_to(dtype, 1, false), 1 - std::ldexp(1.0, -format.precision));
    EXPECT_EQ(next_to(dtype, -1, true), -1 + std::ldexp(1.0, -format.precision));
    EXPECT_EQ(next_to(dtype, largest_finite(dtype), true), inf);
    EXPECT_EQ(next_to(dtype, inf, true), inf);
    EXPECT_EQ(next_to(dtype, inf, false), largest_finite(dtype));
  }
}

TEST(Elements, ConversionRoundsEach) {
  const Tensor floats = vector_of({1, 70000, -0x1p-30f, 0x1.001p0f});
  const Tensor halves = converted(floats, Dtype::f16);
  EXPECT_EQ(halves.dtype, Dtype::f16);
  EXPECT_EQ(halves.shape, floats.shape);
  ASSERT_TRUE(halves.is_whole());
  EXPECT_EQ(element(halves, 0), 1);
  EXPECT_EQ(element(halves, 1), inf);
  EXPECT_EQ(element(halves, 2), 0);
  EXPECT_EQ(element(halves, 3), 1);
  EXPECT_EQ(converted(floats, Dtype::f32), floats);
  EXPECT_EQ(converted(converted(floats, Dtype::f64), Dtype::f32), floats);
  EXPECT_EQ(filled_with(Dtype::bf16, {2, 2}, 1.0 / 3).bytes.size(), 8u);
}

}  // namespace
}  // namespace bncheck::test
