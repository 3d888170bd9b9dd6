/// The attainable error of the gradients, tested with float32 arithmetic as it is commonly written: what
/// attainable_simulation_test.cpp does for the forward pass. Sound algorithms must stay within the bound. A
/// gradient without one of its terms, a naive sum that is declared as blocked, and a product sum that cancels
/// must exceed it.

#include <gtest/gtest.h>

#include <memory>
#include <span>

#include "gradient_simulation.hpp"

namespace bncheck::simulation {
namespace {

ExpectedCall gradient(const Problem& p, const Values& dy,
                      const Dialect& dialect = dialect_presets().front()) {
  const auto& forward = std::get<Forward>(p.content.calls[0].operation);
  const Call call{Backward{Tensor::of(forward.x.shape, dy)}, {}};
  return expect(p.content.config, p.content.state, call, dialect, &forward);
}

struct Ratios {
  double dx = 0, dweight = 0, dbias = 0;

  void include(const Ratios& other) {
    dx = std::max(dx, other.dx);
    dweight = std::max(dweight, other.dweight);
    dbias = std::max(dbias, other.dbias);
  }
  double largest() const { return std::max({dx, dweight, dbias}); }
};

Ratios ratios(const ExpectedCall& expected, const Gradients& got, Summation summation) {
  return {worst_ratio(expected.outputs.at(Output::dx), got.dx, summation),
          worst_ratio(expected.outputs.at(Output::dweight), {got.dweight}, summation),
          worst_ratio(expected.outputs.at(Output::dbias), {got.dbias}, summation)};
}

/// Share of the dx for which the bound holds: a bound that excluded most elements would prove little.
struct Coverage {
  std::size_t in_range = 0, all = 0;

  void count(const ExpectedTensor& dx) {
    for (std::int64_t i = 0; i < dx.size(); ++i) in_range += dx.slack(i, Numerics{}).in_range ? 1u : 0u;
    all += static_cast<std::size_t>(dx.size());
  }
  double share() const { return static_cast<double>(in_range) / static_cast<double>(all); }
};

void report(const char* mode, const char* name, const Ratios& worst) {
  std::printf(
      "attainable error, %s gradient: %-47s worst ratio %.3f for dx, %.3f for dweight, %.3f for dbias\n",
      mode, name, worst.dx, worst.dweight, worst.dbias);
  EXPECT_LE(worst.largest(), 1) << name;
}

/// Runs every summation on every problem, with the formulas in turn.
template <std::size_t N>
void simulate(std::uint64_t seed, bool training, std::size_t problems, const Formula (&formulas)[N]) {
  const char* mode = training ? "training" : "inference";
  Random random(seed);
  std::size_t cases = 0;
  Coverage coverage;
  std::vector<Ratios> by_summation(std::size(training_controls)), by_formula(N);
  for (std::size_t k = 0; k < problems; ++k) {
    const Data data = all_data[k % std::size(all_data)];
    const Problem p = problem(random, data, draw_count(random), training);
    const Values none(p.x.size());
    const Moments about = training ? two_pass(p.x, wide_sum) : Moments{p.channel.mean, p.channel.variance};
    const Layer drawn{p.x, none, about.mean, about.variance, p.channel.gamma, p.channel.eps};
    const Slope slope = all_slopes[k / std::size(all_data) % std::size(all_slopes)];
    const Values dy = draw_dy(random, slope, drawn);
    const ExpectedCall expected = gradient(p, dy);
    coverage.count(expected.outputs.at(Output::dx));
    for (std::size_t control = 0; control < std::size(training_controls); ++control) {
      const TrainingControl& t = training_controls[control];
      const Moments m = training ? t.moments(p.x) : about;
      const std::size_t formula = (k / 56 + control) % N;
      const Layer layer{p.x, dy, m.mean, m.variance, p.channel.gamma, p.channel.eps};
      const Ratios r = ratios(expected, formulas[formula].apply(layer, t.sum), t.summation);
      by_summation[control].include(r);
      by_formula[formula].include(r);
      ++cases;
    }
  }
  for (std::size_t i = 0; i < N; ++i) report(mode, formulas[i].name, by_formula[i]);
  for (std::size_t i = 0; i < by_summation.size(); ++i) {
    report(mode, training_controls[i].name, by_summation[i]);
  }
  std::printf("attainable error, %s gradient: %zu cases, %.1f %% of dx in range\n", mode, cases,
              100 * coverage.share());
  EXPECT_GE(cases, scaled(100000));
  EXPECT_GE(coverage.share(), 0.9);
}

TEST(AttainableGradient, TrainingControlsStayWithinIt) {
  simulate(20260201, true, scaled(17000), training_formulas);
}

TEST(AttainableGradient, InferenceControlsStayWithinIt) {
  simulate(20260202, false, scaled(17000), inference_formulas);
}

// ---- other dialects

/// A dialect's own formula for a layer whose variance is the one that it normalises with.
struct DialectControl {
  const char* name;
  Dialect dialect;
  Gradients (*apply)(const Layer&, Sum);
};

std::vector<DialectControl> dialect_controls() {
  Dialect one_less;
  one_less.normalising_variance = Correction::unbiased;
  Dialect eps_outside;
  eps_outside.eps_place = EpsPlace::outside;
  return {{"darknet", *dialect_named("darknet"), darknet},
          {"variance over n - 1", one_less, unbiased},
          {"eps outside the root", eps_outside, outside}};
}

/// Worst ratios of one problem over all summations.
Ratios worst_ratios(Random& random, const Problem& p, const DialectControl& d, Slope slope,
                    Coverage& coverage) {
  const Values none(p.x.size());
  const Moments m = two_pass(p.x, wide_sum);
  const Values dy = draw_dy(random, slope, {p.x, none, m.mean, m.variance, p.channel.gamma, p.channel.eps});
  const ExpectedCall expected = gradient(p, dy, d.dialect);
  coverage.count(expected.outputs.at(Output::dx));
  Ratios worst;
  for (const TrainingControl& t : training_controls) {
    const Moments own = t.moments(p.x);
    const auto n = static_cast<float>(p.x.size());
    const bool less = d.dialect.normalising_variance == Correction::unbiased;
    const float variance = less ? own.variance * (n / (n - 1)) : own.variance;
    const Layer layer{p.x, dy, own.mean, variance, p.channel.gamma, p.channel.eps};
    worst.include(ratios(expected, d.apply(layer, t.sum), t.summation));
  }
  return worst;
}

void report_coverage(const char* name, const Coverage& coverage) {
  std::printf("attainable error, training gradient: %s, %.1f %% of dx in range\n", name,
              100 * coverage.share());
}

TEST(AttainableGradient, ControlsOfOtherDialectsStayWithinIt) {
  Random random(20260207);
  for (const DialectControl& d : dialect_controls()) {
    Ratios worst;
    Coverage coverage;
    for (std::size_t k = 0; k < scaled(3000); ++k) {
      const Problem p = problem(random, all_data[k % std::size(all_data)], draw_count(random), true);
      const Slope slope = all_slopes[k / std::size(all_data) % std::size(all_slopes)];
      worst.include(worst_ratios(random, p, d, slope, coverage));
    }
    report("training", d.name, worst);
    report_coverage(d.name, coverage);
    EXPECT_GE(coverage.share(), 0.8);
  }
}

/// The error of the mean is as large as σ: the bound is wide, but no sound sum may exceed it.
TEST(AttainableGradient, NeighboursAroundALargeMeanStayWithinIt) {
  Random random(20260208);
  std::vector<DialectControl> controls = dialect_controls();
  controls.push_back({"pytorch", Dialect{}, with_k});
  for (const DialectControl& d : controls) {
    Ratios worst;
    Coverage coverage;
    for (std::size_t k = 0; k < scaled(2000); ++k) {
      Problem p = problem(random, Data::neighbours, 2 + random() % 30, true);
      constexpr float smaller[] = {0x1p-20f, 0x1p-40f, 0x1p-80f, 1e-5f};
      p.channel.eps = smaller[k % std::size(smaller)];
      p.content.config.eps = static_cast<double>(p.channel.eps);
      const Slope slope = all_slopes[k / std::size(smaller) % std::size(all_slopes)];
      worst.include(worst_ratios(random, p, d, slope, coverage));
    }
    report("neighbours,", d.name, worst);
    report_coverage(d.name, coverage);
  }
}

/// Exponents from one end of the float range to the other, in x, dy, γ and the statistics. Where an
/// intermediate result overflows, the bound must say that it does not hold; underflow must be part of it.
template <std::size_t N>
void simulate_exponents(std::uint64_t seed, bool training, const Formula (&formulas)[N]) {
  Random random(seed);
  std::uniform_int_distribution<int> exponent(-140, 100);
  std::vector<Ratios> by_formula(N);
  Coverage coverage;
  for (std::size_t k = 0; k < scaled(6000); ++k) {
    Problem p = problem(random, all_data[k % std::size(all_data)], 1 + random() % 30, training);
    if (training && p.x.size() < 2) continue;
    Values none(p.x.size());
    const Layer drawn{p.x, none, 0, 1, 1, 1};
    Values dy = draw_dy(random, all_slopes[k / std::size(all_data) % std::size(all_slopes)], drawn);
    const int x_exponent = exponent(random);
    scale(p.x, x_exponent);
    scale(dy, exponent(random));
    if (!std::ranges::all_of(dy, [](float value) { return std::isfinite(value); })) continue;
    State& state = p.content.state;
    scale(state.weight->floats(), exponent(random) / 2);
    // Statistics of the size of x, and of any other size.
    const int of_statistics = k % 2 == 0 ? x_exponent : exponent(random);
    scale(state.running_mean->floats(), of_statistics);
    scale(state.running_var->floats(), std::clamp(2 * of_statistics, -140, 100));
    p.channel.eps = k % 3 == 0 ? 0x1p-100f : p.channel.eps;
    p.content.config.eps = static_cast<double>(p.channel.eps);
    std::get<Forward>(p.content.calls[0].operation).x =
        Tensor::of({static_cast<std::int64_t>(p.x.size()), 1}, p.x);
    const ExpectedCall expected = gradient(p, dy);
    coverage.count(expected.outputs.at(Output::dx));
    expect_faithful_is_sound(expected);
    const Moments m = training ? two_pass(p.x, blocked_sum)
                               : Moments{state.running_mean->floats()[0], state.running_var->floats()[0]};
    const Layer layer{p.x, dy, m.mean, m.variance, state.weight->floats()[0], p.channel.eps};
    for (std::size_t i = 0; i < N; ++i) {
      by_formula[i].include(ratios(expected, formulas[i].apply(layer, blocked_sum), Summation::blocked));
    }
  }
  for (std::size_t i = 0; i < N; ++i) report("any exponents,", formulas[i].name, by_formula[i]);
  report_coverage("any exponents", coverage);
  EXPECT_GE(coverage.share(), training ? 0.3 : 0.9);
}

TEST(AttainableGradient, AnyExponentsStayWithinIt) {
  simulate_exponents(20260209, true, training_formulas);
  simulate_exponents(20260210, false, inference_formulas);
}

// ---- what is beyond it

/// Worst ratio of dx over `count` problems.
template <class Wrong>
double worst_dx(std::uint64_t seed, Slope slope, std::size_t count, const Wrong& wrong) {
  Random random(seed);
  double worst = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const Problem p = problem(random, Data::ordinary, 64, true);
    const Moments m = two_pass(p.x, wide_sum);
    const Values none(p.x.size());
    const Values dy = draw_dy(random, slope, {p.x, none, m.mean, m.variance, p.channel.gamma, p.channel.eps});
    const Layer layer{p.x, dy, m.mean, m.variance, p.channel.gamma, p.channel.eps};
    worst =
        std::max(worst, worst_ratio(gradient(p, dy).outputs.at(Output::dx), wrong(layer), Summation::wide));
  }
  return worst;
}

/// dx = a·dy + b·x + c with a = γ·h and b = −a·h·(Σdy·x̂/n): a·h is 2.5e39 here, beyond float, and b·x + c NaN, though
/// dx is 1.2e30 and dγ 4e-7. The bound promises nothing then.
TEST(AttainableGradient, AScaleTimesInvstdThatOverflowsIsOutOfRange) {
  Random random(1);
  Problem p = problem(random, Data::ordinary, 2, true);
  const Values dy{2.048e-07f, -2.048e-07f};
  p.x = {-0.138957f, -0.149416f};
  std::get<Forward>(p.content.calls[0].operation).x = Tensor::of({2, 1}, p.x);
  p.content.config.eps = 0x1p-16;
  const auto in_range = [&](float gamma) {
    p.content.state.weight->floats()[0] = gamma;
    return gradient(p, dy).outputs.at(Output::dx).slack(0, Numerics{}).in_range;
  };
  EXPECT_FALSE(in_range(1.09878e35f));
  EXPECT_TRUE(in_range(1e29f));
}

TEST(AttainableGradient, ATermLeftOutIsBeyondIt) {
  const double without_mean = worst_dx(20260203, Slope::random, 50, [](const Layer& l) {
    const float t = l.sum(wide_sum, [&](std::size_t i) { return l.dy[i] * l.normal(i); }) / l.n();
    return l.each([&](std::size_t i) { return (l.dy[i] - l.normal(i) * t) * l.invstd() * l.gamma; });
  });
  const double without_projection = worst_dx(20260204, Slope::random, 50, [](const Layer& l) {
    const float mean_dy = wide_sum(l.dy) / l.n();
    return l.each([&](std::size_t i) { return (l.dy[i] - mean_dy) * l.invstd() * l.gamma; });
  });
  std::printf("attainable error, dx without mean(dy): worst ratio %.3g; without the term of x^: %.3g\n",
              without_mean, without_projection);
  EXPECT_GT(without_mean, 1000);
  EXPECT_GT(without_projection, 1000);
}

/// 10^5 products of one size: in each binade of the running sum, all roundings go in the same direction.
TEST(AttainableGradient, ANaiveSumIsNoBlockedOne) {
  Random random(20260205);
  Problem p = problem(random, Data::ordinary, 2, true);
  constexpr std::size_t n = 100000;
  p.x.clear();
  Values dy;
  for (std::size_t i = 0; i < n; ++i) {
    p.x.push_back(i % 2 == 0 ? 1.0f : -1.0f);
    dy.push_back(i % 2 == 0 ? 0.7f : -0.7f);
  }
  p.content.calls[0].operation = Forward{true, Tensor::of({n, 1}, p.x)};
  const Layer layer{p.x, dy, 0, 1, p.channel.gamma, p.channel.eps};
  const ExpectedCall expected = gradient(p, dy);
  const ExpectedTensor& dweight = expected.outputs.at(Output::dweight);
  const auto ratio = [&](Sum add, Summation declared) {
    return worst_ratio(dweight, {with_k(layer, add).dweight}, declared);
  };
  const double naive = ratio(naive_sum, Summation::blocked);
  std::printf("attainable error, dweight of 1e5 values, naive sum judged as blocked: ratio %.3g\n", naive);
  EXPECT_GT(naive, 10);
  EXPECT_LE(ratio(naive_sum, Summation::naive), 1);
  EXPECT_LE(ratio(blocked_sum, Summation::blocked), 1);
}

/// Σdy·x − μ·Σdy loses a factor of |μ|/σ of its accuracy by cancellation.
TEST(AttainableGradient, UncentredProductsAtLargeMeanAreBeyondIt) {
  Random random(20260206);
  double worst = 0;
  for (int k = 0; k < 200; ++k) {
    const Problem p = problem(random, Data::mean_1e3, 64, false);
    const Values none(p.x.size());
    const Layer drawn{p.x, none, p.channel.mean, p.channel.variance, p.channel.gamma, p.channel.eps};
    const Values dy = draw_dy(random, Slope::random, drawn);
    const Layer l{p.x, dy, p.channel.mean, p.channel.variance, p.channel.gamma, p.channel.eps};
    const float sum_with_x = l.sum(blocked_sum, [&](std::size_t i) { return dy[i] * p.x[i]; });
    const float dweight = (sum_with_x - l.mean * blocked_sum(dy)) * l.invstd();
    worst = std::max(worst,
                     worst_ratio(gradient(p, dy).outputs.at(Output::dweight), {dweight}, Summation::blocked));
  }
  std::printf("attainable error, Sum dy x - mean Sum dy at mean 1e3, inference: worst ratio %.3g\n", worst);
  EXPECT_GT(worst, 3);
}

}  // namespace
}  // namespace bncheck::simulation
