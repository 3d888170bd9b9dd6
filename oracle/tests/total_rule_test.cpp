/// The total rule: the results where not everything is finite, row by row, and the rule of zeros.

#include <gtest/gtest.h>

#include <limits>

#include "support.hpp"

namespace bncheck::test {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr std::uint32_t quiet = 0x7fc00000;

void expect_bits(const Tensor& got, const std::vector<float>& want) {
  ASSERT_EQ(got.floats().size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    const std::uint32_t bits = std::isnan(want[i]) ? quiet : bits_of(want[i]);
    EXPECT_EQ(bits_of(got.floats()[i]), bits) << "element " << i << ": " << got.floats()[i];
  }
}

void expect_inference(const OneChannel& layer, const std::vector<float>& x, const std::vector<float>& want) {
  SCOPED_TRACE(testing::Message() << "gamma " << layer.gamma << " beta " << layer.beta << " mean "
                                  << layer.mean << " variance " << layer.variance);
  expect_bits(layer.y(x).nearest(), want);
}

OneChannel layer(float gamma, float beta, float mean = 0, float variance = 1) {
  return {gamma, beta, mean, variance, 0};
}

TEST(TotalRuleInference, AnXThatIsNotFiniteTouchesItsOwnElement) {
  expect_inference(layer(2, 1), {1, inf, -inf, nan, -1}, {3, inf, -inf, nan, -1});
  expect_inference(layer(-2, 1), {1, inf, -inf}, {-1, -inf, inf});
  expect_inference(layer(0, 1), {1, inf, -inf, nan}, {1, nan, nan, nan});
}

TEST(TotalRuleInference, GammaThatIsNotFinite) {
  expect_inference(layer(inf, 1), {2, -2, 0, inf, -inf, nan}, {inf, -inf, nan, inf, -inf, nan});
  expect_inference(layer(-inf, 1), {2, -2, 0, inf}, {-inf, inf, nan, -inf});
  expect_inference(layer(nan, 1), {2, 0, inf}, {nan, nan, nan});
  // x̂ = 0 is decided exactly, not by a rounded difference.
  expect_inference(layer(inf, 0, 1), {1, std::nextafter(1.0f, 2.0f), std::nextafter(1.0f, 0.0f)},
                   {nan, inf, -inf});
}

TEST(TotalRuleInference, BetaThatIsNotFinite) {
  expect_inference(layer(1, inf), {2, inf, -inf, 0}, {inf, inf, nan, inf});
  expect_inference(layer(1, -inf), {2, inf, -inf}, {-inf, nan, -inf});
  expect_inference(layer(1, nan), {2, inf}, {nan, nan});
  expect_inference(layer(0, inf), {2, inf}, {inf, nan});
  expect_inference(layer(inf, inf), {2, -2, 0}, {inf, nan, nan});
}

TEST(TotalRuleInference, RunningMeanThatIsNotFinite) {
  expect_inference(layer(1, 0, inf), {1, inf, -inf, nan}, {-inf, nan, -inf, nan});
  expect_inference(layer(1, 0, -inf), {1, inf, -inf}, {inf, inf, nan});
  expect_inference(layer(-2, 0, inf), {1}, {inf});
  expect_inference(layer(0, 0, inf), {1}, {nan});
  expect_inference(layer(1, 0, nan), {1, inf}, {nan, nan});
}

TEST(TotalRuleInference, RunningVarianceThatIsNotFiniteOrNotPositive) {
  expect_inference(layer(2, 3, 1, inf), {5, -5, 1, inf, -inf, nan}, {3, 3, 3, nan, nan, nan});
  expect_inference(layer(2, -0.0f, 1, inf), {5}, {0});
  expect_inference(layer(inf, 3, 1, inf), {5}, {nan});
  expect_inference(layer(2, inf, 1, inf), {5}, {inf});
  expect_inference(layer(2, 3, inf, inf), {5}, {nan});
  expect_inference(layer(2, 3, 0, nan), {5, inf}, {nan, nan});
  expect_inference(layer(2, 3, 0, -inf), {5, inf}, {nan, nan});
  expect_inference(layer(2, 3, 0, 0), {5, 0}, {nan, nan});
  expect_inference(layer(2, 3, 0, -0.0f), {5}, {nan});
  expect_inference(layer(2, 3, 0, -1), {5}, {nan});
}

/// Running variance plus ε is exact: the double 1e-5 differs from the float 1e-5.
TEST(TotalRuleInference, TheSignOfVariancePlusEpsIsExact) {
  OneChannel l = layer(1, 0);
  l.eps = static_cast<double>(0x1p-20f);
  l.variance = -0x1p-20f;
  expect_inference(l, {1}, {nan});
  l.variance = std::nextafter(-0x1p-20f, 0.0f);  // V = 2^-44
  expect_inference(l, {1}, {0x1p22f});
  l.variance = std::nextafter(-0x1p-20f, -1.0f);
  expect_inference(l, {1}, {nan});
  l.eps = 1e-5;
  l.variance = -1e-5f;  // 1e-5f is less than 1e-5 by 2.5e-13
  const float y = l.y({1}).value(0).nearest_f32();
  EXPECT_EQ(y, static_cast<float>(1 / std::sqrt(1e-5 - static_cast<double>(1e-5f))));
}

TEST(Zeros, AnExactZeroIsPositiveAndARoundedOneKeepsItsSign) {
  expect_inference(layer(1, -0.0f), {0.0f, -0.0f}, {0.0f, 0.0f});
  expect_inference(layer(-1, -0.0f), {0.0f}, {0.0f});
  expect_inference(layer(0, -0.0f), {-3}, {0.0f});
  expect_inference(layer(1, -2), {2}, {0.0f});
  expect_inference(layer(0x1p-100f, 0), {0x1p-100f, -0x1p-100f}, {0.0f, -0.0f});
  expect_inference(layer(-0x1p-100f, -0.0f), {0x1p-100f}, {-0.0f});
}

// ---- training

struct Trained {
  Tensor y, mean, invstd, running_mean, running_var;
};

Trained train(const Config& config, const State& state, const Tensor& x) {
  const auto outputs = expect(config, state, forward(true, x), Dialect{}).outputs;
  const auto get = [&](Output output) { return outputs.at(output).nearest(); };
  return {get(Output::y), get(Output::saved_mean), get(Output::saved_invstd), get(Output::running_mean),
          get(Output::running_var)};
}

TEST(TotalRuleTraining, AnXThatIsNotFiniteTakesItsChannelAndNoOther) {
  for (const float bad : {inf, -inf, nan}) {
    for (const double momentum : {0.1, 0.0}) {
      Config config;
      config.num_features = 2;
      config.momentum = momentum;
      State state = fresh_state(config);
      state.weight = vector_of({0, 1});
      const Trained got = train(config, state, Tensor::of({2, 2}, std::vector<float>{1, 3, bad, 5}));
      const Trained clean = train(config, state, Tensor::of({2, 2}, std::vector<float>{1, 3, 2, 5}));
      const auto second = [](const Tensor& tensor) { return tensor.floats()[1]; };
      expect_bits(got.y, {nan, clean.y.floats()[1], nan, clean.y.floats()[3]});
      expect_bits(got.mean, {nan, second(clean.mean)});
      expect_bits(got.invstd, {nan, second(clean.invstd)});
      expect_bits(got.running_mean, {nan, second(clean.running_mean)});
      expect_bits(got.running_var, {nan, second(clean.running_var)});
    }
  }
}

/// x = −1, 1: x̂ = ∓1/√(1 + ε).
Trained train_pair(float gamma, float beta, float mean, float variance, double momentum,
                   const std::vector<float>& x = {-1, 1}) {
  Config config;
  config.momentum = momentum;
  const State state{vector_of({gamma}),    vector_of({beta}), vector_of({mean}),
                    vector_of({variance}), std::nullopt,      0};
  return train(config, state, Tensor::of({static_cast<std::int64_t>(x.size()), 1}, x));
}

TEST(TotalRuleTraining, GammaAndBetaThatAreNotFiniteLeaveTheStatisticsAlone) {
  const Trained clean = train_pair(1, 0, 0, 1, 0.1);
  const auto check = [&](float gamma, float beta, const std::vector<float>& y) {
    const Trained got = train_pair(gamma, beta, 0, 1, 0.1);
    expect_bits(got.y, y);
    EXPECT_EQ(got.mean, clean.mean);
    EXPECT_EQ(got.invstd, clean.invstd);
    EXPECT_EQ(got.running_mean, clean.running_mean);
    EXPECT_EQ(got.running_var, clean.running_var);
  };
  check(inf, 0, {-inf, inf});
  check(-inf, 5, {inf, -inf});
  check(nan, 0, {nan, nan});
  check(1, inf, {inf, inf});
  check(1, nan, {nan, nan});
  check(inf, inf, {nan, inf});
  check(0, inf, {inf, inf});
  // The middle of three values is exactly the mean: ∞·0.
  expect_bits(train_pair(inf, 0, 0, 1, 0.1, {1, 2, 3}).y, {-inf, nan, inf});
  // A value next to the mean is not the mean, although no float holds the mean.
  expect_bits(train_pair(inf, 0, 0, 1, 0.1, {1, 0x1.000002p0f, 1}).y, {-inf, inf, -inf});
  expect_bits(train_pair(1, 7, 0, 1, 0.1, {0.1f, 0.1f, 0.1f}).y, {7, 7, 7});
}

TEST(TotalRuleTraining, RunningStatisticsThatAreNotFinite) {
  const auto check = [](float r, double momentum, float want) {
    const Trained got = train_pair(1, 0, r, r, momentum);
    expect_bits(got.running_mean, {want});
    expect_bits(got.running_var, {want});
    EXPECT_TRUE(std::isfinite(got.y.floats()[0]));
  };
  check(inf, 0.1, inf);
  check(-inf, 0.1, -inf);
  check(inf, 1.0, nan);
  check(-inf, 1.0, nan);
  check(inf, 2.0, -inf);
  check(-inf, 1e300, inf);
  check(nan, 0.1, nan);
  check(nan, 1.0, nan);
}

TEST(TotalRuleTraining, ExtremeMomentumDoesNotOverflowOnTheWay) {
  // (1 − m)·r + m·s with r = s is exactly r, although no format holds m·s.
  const Trained got = train_pair(1, 0, 3, 2, 1e300, {2, 4});
  expect_bits(got.running_mean, {3});
  expect_bits(got.running_var, {2});
  expect_bits(train_pair(1, 0, 0, 0, 1e300, {2, 4}).running_mean, {inf});
  expect_bits(train_pair(1, 0, 5, 1, 0.0).running_mean, {5});
  expect_bits(train_pair(1, 0, -0.0f, 1, 0.0).running_mean, {0.0f});
}

}  // namespace
}  // namespace bncheck::test
