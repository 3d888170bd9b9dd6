/// The measures of error for outputs that are not float32, on numbers chosen by hand: with γ = 1, running
/// mean 0, running variance 1 and ε = 0, inference gives y = x + β.

#include <gtest/gtest.h>

#include <limits>

#include "bncheck/answer_file.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// y = x + β with these dtypes.
ExpectedTensor sum_of(double x, double bias, Dtype data, Dtype vectors) {
  OneChannel layer;
  State state = layer.state();
  for (Tensor* tensor : vectors_of(state)) *tensor = converted(*tensor, vectors);
  set_element(*state.bias, 0, bias);
  const Tensor input = filled_with(data, {1, 1}, x);
  return expect(layer.config(), state, forward(false, input), Dialect{}).outputs.at(Output::y);
}

Error error_of(double x, double bias, double got, Dtype data, Dtype vectors) {
  return sum_of(x, bias, data, vectors).error(0, got, Numerics{});
}

TEST(ErrorDtypes, NearestAndUlpsAreThoseOfTheOutput) {
  for (const Dtype dtype : {Dtype::f16, Dtype::bf16, Dtype::f64}) {
    const int p = format_of(dtype).precision;
    const double ulp = std::ldexp(1.0, 1 - p);
    EXPECT_TRUE(error_of(1, ulp, 1 + ulp, dtype, dtype).nearest);
    EXPECT_EQ(error_of(1, ulp, 1, dtype, dtype).ulps, 1);
    // Half an ulp above 1, only the even neighbour is right.
    EXPECT_TRUE(error_of(1, ulp / 2, 1, dtype, dtype).nearest);
    EXPECT_FALSE(error_of(1, ulp / 2, 1 + ulp, dtype, dtype).nearest);
    EXPECT_EQ(error_of(1, ulp / 2, 1 + ulp, dtype, dtype).ulps, 0.5);
    // Just below 2, an ulp is half as large as above 2.
    EXPECT_EQ(error_of(2, -ulp / 4, 2, dtype, dtype).ulps, 0.25);
    EXPECT_EQ(error_of(2, ulp / 4, 2, dtype, dtype).ulps, 0.125);
    EXPECT_EQ(error_of(1, -1, std::ldexp(1.0, format_of(dtype).smallest_exponent()), dtype, dtype).ulps, 1);
    EXPECT_EQ(sum_of(1, ulp, dtype, dtype).nearest(0), 1 + ulp);
    EXPECT_EQ(sum_of(1, ulp, dtype, dtype).nearest(), filled_with(dtype, {1, 1}, 1 + ulp));
  }
}

TEST(ErrorDtypes, InfinityBeginsWhereTheFormatEnds) {
  EXPECT_TRUE(error_of(65504, 15.99, inf, Dtype::f16, Dtype::f16).ratio > 0);
  EXPECT_TRUE(error_of(65504, 16, inf, Dtype::f16, Dtype::f16).nearest);
  EXPECT_EQ(error_of(65504, 16, 65504, Dtype::f16, Dtype::f16).ulps, 0.5);
  EXPECT_EQ(error_of(65504, 8, inf, Dtype::f16, Dtype::f16).ulps, inf);
  // 65512 and 65520, from which infinity may have been rounded, are 8 apart; half an ulp is 16.
  const Error error = error_of(65504, 8, inf, Dtype::f16, Dtype::f16);
  EXPECT_EQ(error.ratio, static_cast<double>(8 / error.attainable));
  // Float arithmetic adds the slack of SlackIsThatOfTheArithmetic to the half ulp.
  EXPECT_GT(error.attainable, 16);
  EXPECT_LT(error.attainable, 16 + (1.01 * 8 + 1) * 0x1p-24 * 65512 + 0x1p-130);
  EXPECT_EQ(error_of(65504, 8, nan, Dtype::f16, Dtype::f16).ratio, inf);
  const double largest = largest_finite(Dtype::f64);
  EXPECT_TRUE(error_of(largest, largest, inf, Dtype::f64, Dtype::f64).nearest);
  EXPECT_TRUE(error_of(largest, 0x1p969, largest, Dtype::f64, Dtype::f64).nearest);
  EXPECT_TRUE(error_of(largest, 0x1p970, inf, Dtype::f64, Dtype::f64).nearest);
}

/// 1 + 2^−8 + 2^−30 lies above the midpoint of two bfloat16s. Rounded to float it is the midpoint, which goes
/// to the even number below: a sound result, but not the nearest number.
TEST(ErrorDtypes, RoundingTwiceIsSoundAndNotNearest) {
  const auto y = [](double got) { return error_of(1, 0x1p-8 + 0x1p-30, got, Dtype::bf16, Dtype::f64); };
  EXPECT_TRUE(y(1 + 0x1p-7).nearest);
  EXPECT_FALSE(y(1).nearest);
  EXPECT_LE(y(1).ratio, 1);
  EXPECT_GT(y(1).ulps, 0.5);
  // The numbers next to it are not sound.
  EXPECT_GT(y(1 - 0x1p-8).ratio, 1);
  EXPECT_GT(y(1 + 0x1p-6).ratio, 1);
}

/// A = ulp/2 + 1.01·(8u·|p| + u·|β| + ω·(2 + |x − μ| + |γ| + h + |γ|·h)) of the arithmetic, plus u·|y| + ω where its result is rounded
/// before it is converted.
TEST(ErrorDtypes, SlackIsThatOfTheArithmetic) {
  const double x = 4;
  const auto attainable = [&](Dtype data, Arithmetic arithmetic) {
    Numerics numerics;
    numerics.arithmetic = arithmetic;
    return static_cast<double>(sum_of(x, 1, data, data).error(0, 5, numerics).attainable);
  };
  const auto expected = [&](int p, double u, double omega, bool converted) {
    const double half = std::ldexp(1.0, 2 - p);  // of an ulp of 5
    return half + 1.01 * (u * (8 * x + 1) + omega * (5 + x)) + (converted ? u * 5 + omega : 0);
  };
  // Each side is computed by fewer than 16 operations in double or better, each off by at most 2^−53 of its
  // result.
  const auto expect_close = [](double got, double want) { EXPECT_NEAR(got / want, 1, 0x1p-48); };
  constexpr double u = 0x1p-24;
  constexpr double w = 0x1p-149;
  constexpr double uu = 0x1p-53;
  constexpr double ww = 0x1p-1074;
  expect_close(attainable(Dtype::f32, Arithmetic::of_data), expected(24, u, w, false));
  expect_close(attainable(Dtype::f16, Arithmetic::of_data), expected(11, u, w, true));
  expect_close(attainable(Dtype::bf16, Arithmetic::of_data), expected(8, u, w, true));
  // An extended arithmetic of 64 bits, rounded twice.
  expect_close(attainable(Dtype::f64, Arithmetic::of_data), expected(53, uu, ww, false) + 0x1p-64 * 5);
  expect_close(attainable(Dtype::f32, Arithmetic::f64), expected(24, uu, ww, true));
  expect_close(attainable(Dtype::f64, Arithmetic::f32), expected(53, u, w, true));
}

TEST(ErrorDtypes, RangeIsThatOfTheArithmetic) {
  const auto in_range = [](double x, Dtype dtype, Range range) {
    Numerics numerics;
    numerics.range = range;
    return sum_of(x, 0, dtype, dtype).error(0, x, numerics).in_range;
  };
  // Half-precision subnormals are ordinary floats.
  EXPECT_TRUE(in_range(0x1p-24, Dtype::f16, Range::own));
  EXPECT_TRUE(in_range(65504, Dtype::f16, Range::own));
  EXPECT_FALSE(in_range(0x1p127 * 1.5, Dtype::bf16, Range::own));
  EXPECT_TRUE(in_range(0x1p127 * 1.5, Dtype::bf16, Range::wide));
  EXPECT_TRUE(in_range(0x1p-1030, Dtype::f64, Range::own));
  EXPECT_TRUE(in_range(0x1p1023, Dtype::f64, Range::own));
  EXPECT_FALSE(in_range(largest_finite(Dtype::f64), Dtype::f64, Range::own));
}

/// y and dx have the dtype of x; statistics and the gradients of the parameters have that of the parameters.
TEST(ErrorDtypes, EachOutputHasItsOwn) {
  Case c;
  c.config.num_features = 2;
  c.state = fresh_state(c.config);
  const Tensor x = converted(Tensor::of({3, 2}, std::vector<float>{1, 2, 3, 5, 8, 13}), Dtype::f16);
  c.calls = {forward(true, x), {Backward{x}, {}}};
  const Archive mixed = answer_archive(c, Dialect{});
  for (const char* name : {"call.0.y", "call.1.dx"}) EXPECT_EQ(mixed.tensors.at(name).dtype, Dtype::f16);
  for (const char* name : {"call.0.saved_mean", "call.0.saved_invstd", "call.0.running_mean",
                           "call.0.running_var", "call.1.dweight", "call.1.dbias"}) {
    EXPECT_EQ(mixed.tensors.at(name).dtype, Dtype::f32) << name;
  }
  // Mean 4, as f16 and as f32.
  EXPECT_EQ(element(mixed.tensors.at("call.0.saved_mean"), 0), 4);
  c.config.weight = c.config.bias = c.config.track_running_stats = false;
  c.state = {};
  EXPECT_EQ(answer_archive(c, Dialect{}).tensors.at("call.0.saved_mean").dtype, Dtype::f16);
}

}  // namespace
}  // namespace bncheck::test
