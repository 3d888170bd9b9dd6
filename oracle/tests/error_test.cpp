/// The three measures of error, on numbers chosen by hand: with γ = 1, running mean 0, running variance 1 and
/// ε = 0, inference gives y = x + β, so every sum of two floats can be produced as an exact number.

#include <gtest/gtest.h>

#include <limits>

#include "bncheck/attainable_error.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr float largest = 0x1.fffffep127f;

Error error_of(float x, float bias, float got) {
  OneChannel layer;
  layer.beta = bias;
  return layer.y({x}).error(0, got, Numerics{});
}

TEST(Error, NearestIsBitsWithEqualZerosAndEqualNans) {
  EXPECT_TRUE(error_of(1, 2, 3).nearest);
  EXPECT_FALSE(error_of(1, 2, std::nextafter(3.0f, 4.0f)).nearest);
  EXPECT_TRUE(error_of(1, -1, 0.0f).nearest);
  EXPECT_TRUE(error_of(1, -1, -0.0f).nearest);
  EXPECT_EQ(error_of(1, -1, -0.0f).ulps, 0);
  EXPECT_TRUE(error_of(nan, 0, -nan).nearest);
  EXPECT_FALSE(error_of(nan, 0, 1).nearest);
  // Half an ulp above 1, only the even neighbour is right.
  EXPECT_TRUE(error_of(1, 0x1p-24f, 1).nearest);
  EXPECT_FALSE(error_of(1, 0x1p-24f, 0x1.000002p0f).nearest);
}

TEST(Error, UlpsAreThoseOfTheExactNumber) {
  EXPECT_EQ(error_of(1, 2, 3).ulps, 0);
  EXPECT_EQ(error_of(1, 2, std::nextafter(3.0f, 4.0f)).ulps, 1);
  EXPECT_EQ(error_of(1, 0x1p-24f, 1).ulps, 0.5);
  EXPECT_EQ(error_of(1, 0x1p-24f, 0x1.000002p0f).ulps, 0.5);
  // 2 - 2^-25 rounds to 2 and lies in the binade below, where an ulp is 2^-23.
  EXPECT_EQ(error_of(2, -0x1p-25f, 2).ulps, 0.25);
  EXPECT_EQ(error_of(2, -0x1p-25f, 0x1.fffffep0f).ulps, 0.75);
  EXPECT_EQ(error_of(2, 0x1p-25f, 2).ulps, 0.125);
  EXPECT_EQ(error_of(-2, 0x1p-25f, -2).ulps, 0.25);
  EXPECT_EQ(error_of(1, 1, -2).ulps, 0x1p24);
}

TEST(Error, UlpsOfSubnormalNumbersAndZero) {
  EXPECT_EQ(error_of(0x1p-149f, 0x1p-149f, 0).ulps, 2);
  EXPECT_EQ(error_of(1, -1, 0x1p-149f).ulps, 1);
  EXPECT_EQ(error_of(1, -1, -0x1p-126f).ulps, 0x1p23);
  EXPECT_EQ(error_of(0x1p-126f, -0x1p-149f, 0x1p-126f).ulps, 1);
  // An exact number far below the smallest float: 2^-149/2^60 in units of 2^-149.
  OneChannel layer;
  layer.gamma = 0x1p-60f;
  const ExpectedTensor y = layer.y({0x1p-149f, -0x1p-149f});
  EXPECT_EQ(y.error(0, 0, {}).ulps, 0x1p-60);
  EXPECT_EQ(bits_of(y.value(0).nearest_f32()), 0u);
  EXPECT_EQ(bits_of(y.value(1).nearest_f32()), 0x80000000u);
  EXPECT_TRUE(y.error(1, 0.0f, {}).nearest);
}

TEST(Error, InfinitiesAreExactWhereTheResultRoundsToThem) {
  EXPECT_TRUE(error_of(largest, largest, inf).nearest);
  EXPECT_EQ(error_of(largest, largest, inf).ulps, 0);
  EXPECT_EQ(error_of(largest, largest, inf).ratio, 0);
  EXPECT_EQ(error_of(largest, largest, -inf).ulps, infinite);
  EXPECT_EQ(error_of(largest, largest, nan).ratio, infinite);
  // 2·(2 − 2^−23)·2^127 lies in the binade of 2^128, where an ulp would be 2^105.
  EXPECT_FALSE(error_of(largest, largest, largest).nearest);
  EXPECT_EQ(error_of(largest, largest, largest).ulps, 0x1p23 - 0.5);
  // The largest float plus less than half an ulp stays finite.
  EXPECT_TRUE(error_of(largest, 0x1.fffffep102f, largest).nearest);
  EXPECT_EQ(error_of(largest, 0x1.fffffep102f, inf).ulps, infinite);
  EXPECT_TRUE(error_of(largest, 0x1p103f, inf).nearest);
  EXPECT_EQ(error_of(largest, 0x1p103f, largest).ulps, 0.5);
}

TEST(Error, FiniteAndNonFiniteAreInfinitelyFarApart) {
  for (const float got : {inf, -inf, nan}) {
    EXPECT_EQ(error_of(1, 2, got).ulps, infinite);
    EXPECT_GT(error_of(1, 2, got).ratio, 1e40);
    EXPECT_FALSE(error_of(1, 2, got).nearest);
  }
  EXPECT_EQ(error_of(inf, 0, inf).ulps, 0);
  EXPECT_TRUE(error_of(inf, 0, inf).nearest);
  for (const float got : {-inf, nan, 1.0f}) {
    EXPECT_EQ(error_of(inf, 0, got).ulps, infinite);
    EXPECT_EQ(error_of(inf, 0, got).ratio, infinite);
  }
  EXPECT_EQ(error_of(nan, 0, 1).ulps, infinite);
  EXPECT_EQ(error_of(nan, 0, nan).ratio, 0);
}

ExpectedTensor running_var_of(const std::vector<float>& x) {
  const OneChannel layer;
  Config config = layer.config();
  config.eps = 1e-5;
  const Tensor tensor = Tensor::of({static_cast<std::int64_t>(x.size()), 1}, x);
  return expect(config, layer.state(), forward(true, tensor), Dialect{}).outputs.at(Output::running_var);
}

/// Three values of 2^90: a mean that is off by one ulp, which A allows, gives a square of 2^134. The bound of
/// an arithmetic with that range must allow the infinity that is stored.
TEST(Error, AnInfinityIsWhatItWasRoundedFromAtLeast) {
  const ExpectedTensor variance = running_var_of({0x1p90f, 0x1p90f, 0x1p90f});
  Numerics wide;
  wide.range = Range::wide;
  EXPECT_LT(variance.error(0, inf, wide).ratio, 1);
  EXPECT_EQ(variance.error(0, inf, wide).ulps, infinite);
  EXPECT_EQ(variance.error(0, nan, wide).ratio, infinite);
  EXPECT_GT(running_var_of({1, 2, 3}).error(0, inf, wide).ratio, 1e30);
}

/// A = ulp/2 + 1.01·(8u·|p| + u·|β| + ω·(2 + |x − μ| + |γ| + h + |γ|·h)), u = 2^−24.
TEST(Error, RatioIsTheDistanceInUnitsOfTheAttainableError) {
  constexpr double u = 0x1p-24;
  const float got = 5 + 4 * 0x1p-21f;
  const double p = 4;
  const double attainable = 0x1p-22 + 1.01 * (8 * u * p + u * 1 + 0x1p-149 * 9);
  const Error error = error_of(4, 1, got);
  EXPECT_TRUE(error.in_range);
  EXPECT_EQ(error.ulps, 4);
  // Both sides are computed in at least double from the same four operations.
  EXPECT_NEAR(error.ratio, 4 * 0x1p-21 / attainable, error.ratio * 8 * 0x1p-53);
  EXPECT_EQ(error_of(4, 1, 5).ratio, 0);
  Numerics flushing;
  flushing.flush_to_zero = true;
  OneChannel layer;
  const ExpectedTensor y = layer.y({0x1p-120f});
  EXPECT_GT(y.error(0, 0, {}).ratio, 1);
  EXPECT_LT(y.slack(0, {}).amount, 0x1p-138L);
  EXPECT_GE(y.slack(0, flushing).amount, 0x1p-126L);
}

TEST(Error, RangeIsLeftWhereAnIntermediateResultOverflows) {
  EXPECT_TRUE(error_of(0x1p-126f, 0, 0x1p-126f).in_range);
  EXPECT_TRUE(error_of(0, 0, 0).in_range);
  EXPECT_FALSE(error_of(largest, 0, largest).in_range);
  OneChannel layer;
  Numerics wide;
  wide.range = Range::wide;
  layer.gamma = 0x1p100f;
  EXPECT_FALSE(layer.y({0x1p100f}).error(0, 0, {}).in_range);
  EXPECT_TRUE(layer.y({0x1p100f}).error(0, 0, wide).in_range);
}

/// Underflow is part of the bound: a subnormal product may lose the smallest number in each operation, but NaN and a
/// wrong number are beyond it.
TEST(Error, AnIntermediateResultMayUnderflow) {
  EXPECT_TRUE(error_of(0x1p-127f, 0, 0x1p-127f).in_range);
  EXPECT_LE(error_of(0x1p-127f, 0, 0x1p-127f - 0x1p-148f).ratio, 1);
  EXPECT_GT(error_of(0x1p-127f, 0, 0).ratio, 1e5);
  EXPECT_EQ(error_of(0x1p-127f, 0, nan).ratio, infinite);
  OneChannel layer;
  layer.gamma = 0x1p-100f;
  layer.variance = 0x1p60f;
  EXPECT_TRUE(layer.y({1}).error(0, 0, {}).in_range);
  EXPECT_EQ(layer.y({1}).error(0, nan, {}).ratio, infinite);
}

/// A result that is less than an ulp away is within the bound of every claim.
TEST(Error, FaithfulIsSound) {
  const Error error = error_of(0.5f + 0x1.cp-19f, 32, 32.5f);
  EXPECT_EQ(error.ulps, 0.875);
  EXPECT_LE(error.ratio, 1);
}

TEST(Slack, DepthOfEachSummation) {
  constexpr long double u = 0x1p-24L;
  EXPECT_EQ(summation_depth(Summation::naive, 4096, u), 4095);
  EXPECT_EQ(summation_depth(Summation::blocked, 16, u), 15);
  EXPECT_EQ(summation_depth(Summation::blocked, 17, u), 16);
  EXPECT_EQ(summation_depth(Summation::blocked, 4096, u), 23);
  EXPECT_EQ(summation_depth(Summation::blocked, 4097, u), 24);
  EXPECT_EQ(summation_depth(Summation::blocked, 1, u), 0);
  EXPECT_EQ(summation_depth(Summation::compensated, 4096, u), 3);
  EXPECT_EQ(summation_depth(Summation::wide, 1e6L, u), 0);
}

/// The formulas of the attainable error, on numbers whose arithmetic is exact: n = 16 (depth 15), mean |x| =
/// 2, σ² = 4, h = 1/2, so V = 4.
TEST(Slack, TrainingFormulas) {
  constexpr long double u = 0x1p-24L;
  constexpr long double omega = 0x1p-149L;
  constexpr long double margin = 1.01L;
  ChannelScale scale;
  scale.n = 16;
  scale.mean = 1;
  scale.abs_mean = 2;
  scale.variance = 4;
  scale.invstd = 0.5L;
  const Numerics numerics;
  const long double delta = u * (15 + 2) * 2;
  const long double dv = 19 * u * 4 + delta * delta;
  // V = 4 may be computed as 4 − dv, and its root too small accordingly.
  const long double kappa = 8 * u + (std::sqrt(4 / (4 - dv)) - 1);
  const auto expect_slack = [&](const Slack& slack, long double want) {
    EXPECT_TRUE(slack.in_range);
    // The same few operations in long double, rounded to double: far below 2^-50.
    EXPECT_NEAR(static_cast<double>(slack.amount / (margin * want)), 1, 0x1p-50);
  };
  expect_slack(slack_mean(scale, numerics), delta);
  expect_slack(slack_variance(scale, numerics, false), dv);
  expect_slack(slack_variance(scale, numerics, true), dv * 16 / 15 + 2 * u * 4 * 16 / 15);
  expect_slack(slack_invstd(scale, numerics), kappa / 2);
  const long double p = 3 * (5 - 1) * 0.5L;
  expect_slack(slack_training_y(scale, numerics, 3, 5, p),
               3 * 0.5L * (1 + kappa) * delta + p * kappa + omega * 5);
}

/// r ← old + m·s: |m|·(A_s + rounding of s) + 3u·(|old| + |m·s|), and the underflow.
TEST(Slack, RunningFormula) {
  constexpr long double u = 0x1p-24L;
  constexpr long double omega = 0x1p-149L;
  const Slack slack = slack_running({0x1p-20L, 0, true}, Numerics{}, {0.875L, 0.25L, 0, 0, -8, 8});
  const long double want = 0.25L * (0x1p-20L + 8 * u + omega) + 3 * u * (7 + 2) + 2 * omega;
  // The same few operations in long double, rounded to double: far below 2^-50.
  EXPECT_NEAR(static_cast<double>(slack.amount / (1.01L * want)), 1, 0x1p-50);
}

/// A weight that is declared to be rounded may also be better: |Δ old|·|old| + |Δ fresh|·(|fresh| + its error) are allowed,
/// but not where dialects are told apart.
TEST(Slack, RunningWithRoundedWeights) {
  const UpdateScale update{0.875L, 0.25L, 0x1p-10L, 0x1p-12L, -8, 8};
  const UpdateScale plain{0.875L, 0.25L, 0, 0, -8, 8};
  const Slack statistic{0x1p-20L, 0, true};
  const long double own = 0x1p-20L + 8 * 0x1p-24L + 0x1p-149L;
  const long double more = slack_running(statistic, Numerics{}, update).amount -
                           slack_running(statistic, Numerics{}, plain).amount;
  // `plain` is below 2^-18 and `more` above 2^-7: their difference loses no bits, and the rest is as above.
  EXPECT_NEAR(static_cast<double>(more / (1.01L * (8 * 0x1p-10L + (8 + own) * 0x1p-12L))), 1, 0x1p-50);
  Numerics strict;
  strict.scalars_as_declared = true;
  EXPECT_EQ(slack_running(statistic, strict, update).amount, slack_running(statistic, strict, plain).amount);
}

/// The ways of forming the other weight, with m = 0.9 as the double and as the float.
TEST(RunningWeights, AreFormedAsTheDialectSays) {
  const auto f = [](double value) { return static_cast<long double>(static_cast<float>(value)); };
  const auto d = [](double value) { return static_cast<long double>(value); };
  const double m = 0.9, w = 1 - m;
  for (const auto& [dialect, old, fresh] :
       std::initializer_list<std::tuple<const char*, long double, long double>>{
           {"pytorch", 1 - d(m), d(m)},
           {"pytorch,momentum_as=f32", 1 - f(m), f(m)},
           {"pytorch,momentum_as=f32,complement=rounded", f(1 - static_cast<double>(f(m))), f(m)},
           {"pytorch,momentum_as=f32,complement=apart", f(1 - m), f(m)},
           {"pytorch,momentum_as=f32,complement=first", f(1 - m), 1 - f(1 - m)},
           {"onnx", f(w), 1 - f(w)},
           {"onnx,complement=first", 1 - f(1 - w), f(1 - w)},
           {"keras", f(w), f(1 - w)},
           {"caffe", f(w), 1}}) {
    Config config;
    config.momentum = m;
    const RunningWeights weights = running_weights(config, dialect_from_text(dialect), 1, Dtype::f32);
    EXPECT_EQ(weights.old, old) << dialect;
    EXPECT_EQ(weights.fresh, fresh) << dialect;
  }
}

/// "data" is double where x is, and "f32" is not.
TEST(RunningWeights, OfDoubleData) {
  Config config;
  config.momentum = 0.9;
  const auto fresh = [&](const char* dialect) {
    return running_weights(config, dialect_from_text(dialect), 1, Dtype::f64).fresh;
  };
  EXPECT_EQ(fresh("pytorch,momentum_as=data"), static_cast<long double>(0.9));
  EXPECT_EQ(fresh("pytorch,momentum_as=f32"), static_cast<long double>(0.9f));
  config.eps = 1e-3;
  EXPECT_EQ(effective_eps(config, dialect_from_text("keras"), Dtype::f64), 1e-3);
  EXPECT_EQ(effective_eps(config, dialect_from_text("keras"), Dtype::f16), static_cast<double>(1e-3f));
}

/// MLX was accused of the better number: m = 0.9, r = 1, s = 0 gave 0.100000001, where 1 - float(m) is 0.100000024.
TEST(RunningWeights, ABetterAnswerThanTheDeclaredOneIsRight) {
  Case c;
  c.config.num_features = 1;
  c.config.eps = 1.0 / 3;
  c.config.momentum = 0.9;
  c.state = fresh_state(c.config);
  c.state.running_mean->floats()[0] = 1;
  const Call call{Forward{true, Tensor::of({2, 1}, std::vector<float>{0, 0})}, {}};
  const auto ratio = [&](const char* dialect, float got, bool strict) {
    const ExpectedCall expected = expect(c.config, c.state, call, dialect_from_text(dialect));
    Numerics numerics;
    numerics.scalars_as_declared = strict;
    return expected.outputs.at(Output::running_mean).error(0, got, numerics).ratio;
  };
  const float better = 0.1f, declared = 1 - 0.9f;
  for (const float got : {better, declared})
    EXPECT_LE(ratio("pytorch,momentum_as=f32", got, false), 1) << got;
  EXPECT_GT(ratio("pytorch,momentum_as=f32", better, true), 1);
  EXPECT_GT(ratio("pytorch", declared, false), 1);
  EXPECT_GT(ratio("pytorch,momentum_as=f32", 0.1000001f, false), 1);
}

/// ε = 1/3 beside a running variance that it nearly cancels: both the double and the float are right where the float is
/// declared.
TEST(RunningWeights, ABetterEpsilonIsRight) {
  Case c;
  c.config.num_features = 1;
  c.config.eps = 1.0 / 3;
  c.state = fresh_state(c.config);
  const float below = std::nextafter(static_cast<float>(1.0 / 3), 0.0f);
  c.state.running_var->floats()[0] = -below + 0x1p-20f;
  const Call call{Forward{false, Tensor::of({1, 1}, std::vector<float>{1})}, {}};
  const auto y = [&](double eps) {
    return static_cast<float>(1 / std::sqrt(static_cast<double>(-below + 0x1p-20f) + eps));
  };
  const auto ratio = [&](const char* dialect, float got) {
    return expect(c.config, c.state, call, dialect_from_text(dialect))
        .outputs.at(Output::y)
        .error(0, got, {})
        .ratio;
  };
  const float exact = y(1.0 / 3), rounded = y(static_cast<double>(static_cast<float>(1.0 / 3)));
  ASSERT_NE(exact, rounded);
  for (const float got : {exact, rounded}) EXPECT_LE(ratio("pytorch,eps_as=f32", got), 1) << got;
  EXPECT_GT(ratio("pytorch", rounded), 1);
}

}  // namespace
}  // namespace bncheck::test
