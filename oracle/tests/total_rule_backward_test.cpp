/// The total rule of the gradients: the results where not everything is finite, row by row, and zeros.

#include <gtest/gtest.h>

#include <limits>
#include <memory>

#include "support.hpp"

namespace bncheck::test {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float largest = std::numeric_limits<float>::max();
constexpr std::uint32_t quiet = 0x7fc00000;

using Values = std::vector<float>;

void expect_bits(const Tensor& got, const Values& want) {
  ASSERT_EQ(got.floats().size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    const std::uint32_t bits = std::isnan(want[i]) ? quiet : bits_of(want[i]);
    EXPECT_EQ(bits_of(got.floats()[i]), bits) << "element " << i << ": " << got.floats()[i];
  }
}

struct Gradients {
  Tensor dx, dweight, dbias;
};

Gradients gradients(const Config& config, const State& state, bool training, const Tensor& x,
                    const Tensor& dy, const Dialect& dialect = {}) {
  const Forward latest{training, x};
  const auto outputs = expect(config, state, {Backward{dy}, {}}, dialect, &latest).outputs;
  const auto get = [&](Output output) { return outputs.at(output).nearest(); };
  return {get(Output::dx), get(Output::dweight), get(Output::dbias)};
}

Tensor column(const Values& values) {
  return Tensor::of({static_cast<std::int64_t>(values.size()), 1}, values);
}

/// Gradients of a layer of one channel.
Gradients of(const OneChannel& layer, bool training, const Values& x, const Values& dy) {
  return gradients(layer.config(), layer.state(), training, column(x), column(dy));
}

struct Want {
  Values dx;
  float dweight, dbias;
};

void expect_gradients(const Gradients& got, const Want& want) {
  expect_bits(got.dx, want.dx);
  expect_bits(got.dweight, {want.dweight});
  expect_bits(got.dbias, {want.dbias});
}

// ---- inference: y = γ·(x − μ)/√variance

void expect_inference(const OneChannel& layer, const Values& x, const Values& dy, const Want& want) {
  SCOPED_TRACE(testing::Message() << "gamma " << layer.gamma << " mean " << layer.mean << " variance "
                                  << layer.variance);
  expect_gradients(of(layer, false, x, dy), want);
}

OneChannel given(float gamma, float mean = 0, float variance = 1) {
  return {gamma, 0, mean, variance, 0};
}

TEST(TotalRuleBackwardInference, Finite) {
  expect_inference(given(3, 1, 4), {3, 5, 1}, {2, -4, 6}, {{3, -6, 9}, -6, 4});
}

TEST(TotalRuleBackwardInference, ADyThatIsNotFiniteTouchesItsOwnElementAndTheSums) {
  expect_inference(given(2), {1, 1}, {inf, 1}, {{inf, 2}, nan, inf});
  expect_inference(given(-2), {1, 1}, {inf, 1}, {{-inf, -2}, nan, inf});
  expect_inference(given(2), {1, 1}, {-inf, 1}, {{-inf, 2}, nan, -inf});
  expect_inference(given(2), {1, 1}, {nan, 1}, {{nan, 2}, nan, nan});
  expect_inference(given(0), {1, 1}, {inf, 1}, {{nan, 0}, nan, inf});
}

TEST(TotalRuleBackward, DbiasIsAnExtendedSum) {
  for (const bool training : {true, false}) {
    const auto dbias = [&](const Values& dy) {
      return of({1, 0, 0, 1, 1e-5}, training, {1, 2, 3}, dy).dbias;
    };
    expect_bits(dbias({inf, inf, 1}), {inf});
    expect_bits(dbias({-inf, largest, largest}), {-inf});
    expect_bits(dbias({inf, 1, -inf}), {nan});
    expect_bits(dbias({inf, nan, inf}), {nan});
    expect_bits(dbias({nan, inf, 1}), {nan});
    // A sum of finite numbers is rounded once.
    expect_bits(dbias({largest, largest, -largest}), {largest});
    expect_bits(dbias({largest, largest, 0}), {inf});
    expect_bits(dbias({-largest, -largest, 0}), {-inf});
    expect_bits(dbias({largest, 0x1p103f, 0}), {inf});
    expect_bits(dbias({largest, 0x1.fffffep102f, 0}), {largest});
  }
}

TEST(TotalRuleBackwardInference, AnXThatIsNotFiniteReachesDweightOnly) {
  for (const float bad : {inf, -inf, nan}) {
    expect_inference(given(2), {1, bad}, {3, 1}, {{6, 2}, nan, 4});
    expect_inference(given(2), {1, bad}, {3, 0}, {{6, 0}, nan, 3});
  }
}

TEST(TotalRuleBackwardInference, GammaThatIsNotFiniteReachesDxOnly) {
  expect_inference(given(inf), {1, 1, 1}, {2, -2, 0}, {{inf, -inf, nan}, 0, 0});
  expect_inference(given(-inf), {1, 1, 1}, {2, -2, 1}, {{-inf, inf, -inf}, 1, 1});
  expect_inference(given(inf), {1, 1}, {inf, nan}, {{inf, nan}, nan, nan});
  expect_inference(given(nan), {1, 1}, {2, 0}, {{nan, nan}, 2, 2});
}

TEST(TotalRuleBackwardInference, RunningMeanThatIsNotFiniteReachesDweightOnly) {
  for (const float bad : {inf, -inf, nan}) {
    expect_inference(given(2, bad), {1, 1}, {3, 0}, {{6, 0}, nan, 3});
  }
}

TEST(TotalRuleBackwardInference, RunningVarianceThatIsNotFiniteOrNotPositive) {
  for (const float bad : {nan, -inf, -1.0f, 0.0f, -0.0f}) {
    expect_inference(given(2, 1, bad), {1, 1}, {3, 0}, {{nan, nan}, nan, 3});
  }
  expect_inference(given(2, 1, inf), {5, 1}, {3, -4}, {{0, 0}, 0, -1});
  expect_inference(given(2, 1, inf), {5, inf}, {3, 1}, {{0, 0}, nan, 4});
  expect_inference(given(2, 1, inf), {5, 5}, {inf, 1}, {{nan, 0}, nan, inf});
  expect_inference(given(inf, 1, inf), {5, 5}, {3, 1}, {{nan, nan}, 0, 4});
  expect_inference(given(2, inf, inf), {5, 5}, {3, 1}, {{0, 0}, nan, 4});
}

TEST(ZerosBackward, AnExactZeroIsPositiveAndARoundedOneKeepsItsSign) {
  expect_inference(given(-2), {1, 1}, {0.0f, -0.0f}, {{0.0f, 0.0f}, 0.0f, 0.0f});
  expect_inference(given(-0.0f), {1, -1}, {3, 3}, {{0.0f, 0.0f}, 0.0f, 6});
  expect_inference(given(0x1p-100f), {0, 0}, {0x1p-100f, -0x1p-100f}, {{0.0f, -0.0f}, 0.0f, 0.0f});
  expect_inference(given(1, 0, 0x1p120f), {-0x1p-100f}, {0x1p-100f}, {{0.0f}, -0.0f, 0x1p-100f});
}

// ---- training: ε = 1, x = ±1, so that x̂ = x/√2 and dx = γ/√2·(dy − mean(dy) − x·mean(dy·x)/2)

OneChannel trained(float gamma) {
  return {gamma, 0, 0, 1, 1};
}

TEST(TotalRuleBackwardTraining, Finite) {
  const Gradients got = of(trained(2), true, {1, -1}, {3, 1});
  const float root = std::sqrt(2.0f);
  // mean(dy) = 2, mean(dy·x) = 1: dx = √2·(1 − 1/2)
  expect_bits(got.dx, {root / 2, -root / 2});
  expect_bits(got.dweight, {root});
  expect_bits(got.dbias, {4});
}

TEST(TotalRuleBackwardTraining, ADyThatIsNotFiniteTakesItsChannelAndNoOther) {
  Config config;
  config.num_features = 2;
  const State state = fresh_state(config);
  const Tensor x = Tensor::of({2, 2}, Values{1, 3, 2, 5});
  const Gradients clean = gradients(config, state, true, x, Tensor::of({2, 2}, Values{7, 1, 9, 4}));
  for (const float bad : {inf, -inf, nan}) {
    const Gradients got = gradients(config, state, true, x, Tensor::of({2, 2}, Values{7, 1, bad, 4}));
    expect_bits(got.dx, {nan, clean.dx.floats()[1], nan, clean.dx.floats()[3]});
    expect_bits(got.dweight, {nan, clean.dweight.floats()[1]});
    expect_bits(got.dbias, {bad, clean.dbias.floats()[1]});
  }
}

TEST(TotalRuleBackwardTraining, AnXThatIsNotFiniteTakesItsChannelButNotDbias) {
  Config config;
  config.num_features = 2;
  const State state = fresh_state(config);
  const Tensor dy = Tensor::of({2, 2}, Values{7, 1, 9, 4});
  const Gradients clean = gradients(config, state, true, Tensor::of({2, 2}, Values{1, 3, 2, 5}), dy);
  for (const float bad : {inf, -inf, nan}) {
    const Gradients got = gradients(config, state, true, Tensor::of({2, 2}, Values{1, 3, bad, 5}), dy);
    expect_bits(got.dx, {nan, clean.dx.floats()[1], nan, clean.dx.floats()[3]});
    expect_bits(got.dweight, {nan, clean.dweight.floats()[1]});
    expect_bits(got.dbias, {16, 5});
  }
}

TEST(TotalRuleBackwardTraining, GammaThatIsNotFiniteReachesDxOnly) {
  const Gradients clean = of(trained(1), true, {1, -1}, {3, 1});
  const auto check = [&](float gamma, const Values& dx) {
    const Gradients got = of(trained(gamma), true, {1, -1}, {3, 1});
    expect_bits(got.dx, dx);
    EXPECT_EQ(got.dweight, clean.dweight);
    EXPECT_EQ(got.dbias, clean.dbias);
  };
  check(inf, {inf, -inf});
  check(-inf, {-inf, inf});
  check(nan, {nan, nan});
  check(0, {0, 0});
  // dx/γ is exactly 0: constant dy, and the middle one of three.
  expect_bits(of(trained(inf), true, {1, -1}, {3, 3}).dx, {nan, nan});
  expect_bits(of(trained(-inf), true, {1, 2, 3}, {1, 0, -1}).dx, {-inf, nan, inf});
  // Next to 0, dx/γ has a sign, that of an exact number.
  expect_bits(of(trained(inf), true, {1, -1}, {3, 0x1.800002p1f}).dx, {-inf, inf});
  // The statistics do not depend on γ, but they do on an x that is not finite.
  expect_bits(of(trained(inf), true, {1, nan}, {3, 1}).dx, {nan, nan});
}

/// Where float arithmetic cannot find the sign of dx/γ, an infinite γ makes the result uncertain.
TEST(TotalRuleBackward, TheSignBesideAnInfiniteGammaIsCertainOnlyWhereDxIs) {
  const auto certain = [](const Values& dy, bool training = true, float variance = 1) {
    OneChannel layer = trained(inf);
    layer.variance = variance;
    const Forward latest{training, column({1, -1})};
    const ExpectedCall expected =
        expect(layer.config(), layer.state(), {Backward{column(dy)}, {}}, Dialect{}, &latest);
    return expected.outputs.at(Output::dx).error(0, inf, Numerics{}).in_range;
  };
  EXPECT_TRUE(certain({3, 1}));
  EXPECT_FALSE(certain({3, 0x1.800002p1f}));
  EXPECT_FALSE(certain({3, 3}));
  EXPECT_TRUE(certain({3, 3}, false));
  EXPECT_TRUE(certain({0, 3}, false));
  // dy·invstd is 2^−169: float has no such number, and ∞·0 is NaN.
  EXPECT_FALSE(certain({0x1p-129f, 3}, false, 0x1p80f));
}

TEST(TotalRuleBackwardTraining, ConstantChannelsAndConstantDyGiveExactZeros) {
  expect_bits(of(trained(3), true, {0.1f, 0.1f, 7}, {0.3f, 0.3f, 0.3f}).dx, {0.0f, 0.0f, 0.0f});
  const Gradients got = of(trained(3), true, {0.1f, 0.1f, 0.1f}, {-1, 1, 0});
  expect_bits(got.dx, {-3, 3, 0});
  expect_bits(got.dweight, {0.0f});
  expect_bits(got.dbias, {0.0f});
  expect_bits(of(trained(-3), true, {0.1f, 0.2f, -0.0f}, {0, -0.0f, 0}).dx, {0.0f, 0.0f, 0.0f});
}

/// √v + ε has no derivative at v = 0, but it is multiplied by x − μ = 0: dx = γ/ε·(dy − mean(dy)).
TEST(TotalRuleBackwardTraining, ConstantChannelsWithEpsOutsideTheRoot) {
  Dialect outside;
  outside.eps_place = EpsPlace::outside;
  OneChannel layer = trained(3);
  layer.eps = 0.25;
  const Gradients got =
      gradients(layer.config(), layer.state(), true, column({0.1f, 0.1f, 0.1f}), column({-1, 1, 6}), outside);
  expect_bits(got.dx, {-36, -12, 48});
  expect_bits(got.dweight, {0.0f});
  expect_bits(got.dbias, {6});
}

TEST(TotalRuleBackwardTraining, RunningStatisticsAreNotLookedAt) {
  const Values x{1, -1};
  const Values dy{3, 1};
  const Gradients clean = of(trained(2), true, x, dy);
  for (const float bad : {nan, inf, -1.0f}) {
    const Gradients got = of({2, 0, bad, bad, 1}, true, x, dy);
    EXPECT_EQ(got.dx, clean.dx);
    EXPECT_EQ(got.dweight, clean.dweight);
    EXPECT_EQ(got.dbias, clean.dbias);
  }
}

TEST(TotalRuleBackwardTraining, OverflowIsOnlyWhatTheExactResultRoundsTo) {
  // dy of opposite extremes: mean 0, Σdy·x beyond every float, dx = dy/√2·(1 − 1/2).
  const Gradients got = of(trained(1), true, {1, -1}, {largest, -largest});
  const auto half = static_cast<float>(static_cast<double>(largest) / (2 * std::sqrt(2.0)));
  expect_bits(got.dx, {half, -half});
  expect_bits(got.dweight, {inf});
  expect_bits(got.dbias, {0});
  expect_bits(of(trained(8), true, {1, -1}, {largest, -largest}).dx, {inf, -inf});
}

}  // namespace
}  // namespace bncheck::test
