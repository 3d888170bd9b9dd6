/// The attainable error of oracle/src/attainable_error.cpp, tested with float32 arithmetic as it is commonly
/// written.
///
/// Sound algorithms (the controls) must stay within the bound on every element of every case. A one-pass
/// variance and folded inference at a large mean must exceed it. These runs fixed the constants before the
/// bound was applied to any other implementation. BNCHECK_SIMULATION_FACTOR multiplies the number of cases.

#include <gtest/gtest.h>

#include "simulation.hpp"

namespace bncheck::simulation {
namespace {

Moments one_pass(const Values& x) {
  Values squares;
  for (const float v : x) squares.push_back(v * v);
  const auto n = static_cast<float>(x.size());
  const float mean = naive_sum(x) / n;
  return {mean, naive_sum(squares) / n - mean * mean};
}

using Normalise = float (*)(const Channel&, float x);

struct InferenceControl {
  const char* name;
  Normalise y;
};

constexpr InferenceControl inference_controls[] = {
    {"gamma ((x - mean) invstd) + beta",
     [](const Channel& c, float x) {
       return c.gamma * ((x - c.mean) * (1 / std::sqrt(c.variance + c.eps))) + c.beta;
     }},
    {"(x - mean) (gamma invstd) + beta",
     [](const Channel& c, float x) {
       return (x - c.mean) * (c.gamma * (1 / std::sqrt(c.variance + c.eps))) + c.beta;
     }},
    {"gamma (x - mean) / sqrt + beta",
     [](const Channel& c, float x) {
       return c.gamma * (x - c.mean) / std::sqrt(c.variance + c.eps) + c.beta;
     }},
    {"fma((x - mean) invstd, gamma, beta)",
     [](const Channel& c, float x) {
       return std::fma((x - c.mean) * (1 / std::sqrt(c.variance + c.eps)), c.gamma, c.beta);
     }},
    {"double, rounded once",
     [](const Channel& c, float x) {
       const double invstd = 1 / std::sqrt(static_cast<double>(c.variance) + static_cast<double>(c.eps));
       return static_cast<float>((static_cast<double>(x) - static_cast<double>(c.mean)) * invstd *
                                     static_cast<double>(c.gamma) +
                                 static_cast<double>(c.beta));
     }},
};

float folded(const Channel& c, float x) {
  const float alpha = c.gamma * (1 / std::sqrt(c.variance + c.eps));
  return x * alpha + (c.beta - c.mean * alpha);
}

double statistic_ratio(const ExpectedTensor& tensor, float got, Summation summation) {
  return worst_ratio(tensor, {got}, summation);
}

TEST(AttainableError, TrainingControlsStayWithinIt) {
  Random random(20260101);
  const std::size_t problems = scaled(20000);
  std::size_t cases = 0;
  std::vector<double> worst_y(std::size(training_controls)), worst_statistic(std::size(training_controls));
  for (std::size_t k = 0; k < problems; ++k) {
    Problem p = problem(random, all_data[k % std::size(all_data)], draw_count(random), true);
    const ExpectedCall expected = answer(p);
    const auto n = static_cast<float>(p.x.size());
    for (std::size_t control = 0; control < std::size(training_controls); ++control) {
      const TrainingControl& t = training_controls[control];
      const Moments m = t.moments(p.x);
      Values y;
      const Channel c{m.mean, m.variance, p.channel.gamma, p.channel.beta, p.channel.eps};
      for (const float x : p.x) y.push_back(inference_controls[k % 4].y(c, x));
      worst_y[control] =
          std::max(worst_y[control], worst_ratio(expected.outputs.at(Output::y), y, t.summation));
      const float momentum = 0.1f;
      const float unbiased = m.variance * (n / (n - 1));
      const std::pair<Output, float> statistics[] = {
          {Output::saved_mean, m.mean},
          {Output::saved_invstd, 1 / std::sqrt(m.variance + c.eps)},
          {Output::running_mean, (1 - momentum) * p.channel.mean + momentum * m.mean},
          {Output::running_var, (1 - momentum) * p.channel.variance + momentum * unbiased}};
      for (const auto& [output, got] : statistics) {
        worst_statistic[control] = std::max(worst_statistic[control],
                                            statistic_ratio(expected.outputs.at(output), got, t.summation));
      }
      ++cases;
    }
  }
  EXPECT_GE(cases, scaled(100000));
  for (std::size_t control = 0; control < std::size(training_controls); ++control) {
    std::printf("attainable error, training: %-26s worst ratio %.3f for y, %.3f for statistics\n",
                training_controls[control].name, worst_y[control], worst_statistic[control]);
    EXPECT_LE(worst_y[control], 1) << training_controls[control].name;
    EXPECT_LE(worst_statistic[control], 1) << training_controls[control].name;
  }
  std::printf("attainable error, training: %zu cases\n", cases);
}

/// The error of the mean is as large as σ, and that of the variance as large as the variance: Welford's
/// recurrence may find a variance of 0 for neighbouring floats, and the factor is 1/√ε then. The bound is
/// wide, but no sound sum may exceed it, for any place of ε and any divisor of the variance.
TEST(AttainableError, NeighboursAroundALargeMeanStayWithinIt) {
  Random random(20260105);
  Dialect one_less;
  one_less.name = "n - 1";
  one_less.normalising_variance = Correction::unbiased;
  Dialect outside;
  outside.name = "eps outside";
  outside.eps_place = EpsPlace::outside;
  for (const Dialect& dialect : {Dialect{}, one_less, outside}) {
    double worst = 0;
    for (std::size_t k = 0; k < scaled(2000); ++k) {
      Problem p = problem(random, Data::neighbours, 2 + random() % 30, true);
      constexpr float smaller[] = {0x1p-20f, 0x1p-40f, 0x1p-80f, 1e-5f};
      p.channel.eps = smaller[k % std::size(smaller)];
      p.content.config.eps = static_cast<double>(p.channel.eps);
      const ExpectedCall expected = expect(p.content.config, p.content.state, p.content.calls[0], dialect);
      const auto n = static_cast<float>(p.x.size());
      for (const TrainingControl& t : training_controls) {
        const Moments m = t.moments(p.x);
        const float variance =
            dialect.normalising_variance == Correction::unbiased ? m.variance * (n / (n - 1)) : m.variance;
        const float invstd = dialect.eps_place == EpsPlace::outside
                                 ? 1 / (std::sqrt(variance) + p.channel.eps)
                                 : 1 / std::sqrt(variance + p.channel.eps);
        Values y;
        for (const float x : p.x) y.push_back((x - m.mean) * (p.channel.gamma * invstd) + p.channel.beta);
        worst = std::max({worst, worst_ratio(expected.outputs.at(Output::y), y, t.summation),
                          statistic_ratio(expected.outputs.at(Output::saved_invstd), invstd, t.summation)});
      }
    }
    std::printf("attainable error, training on neighbours: %-12s worst ratio %.3f\n", dialect.name.c_str(),
                worst);
    EXPECT_LE(worst, 1) << dialect.name;
  }
}

TEST(AttainableError, InferenceControlsStayWithinIt) {
  Random random(20260102);
  const std::size_t problems = scaled(25000);
  std::size_t cases = 0;
  std::vector<double> worst(std::size(inference_controls));
  for (std::size_t k = 0; k < problems; ++k) {
    const Problem p = problem(random, all_data[k % std::size(all_data)], 2 + random() % 24, false);
    const ExpectedCall expected = answer(p);
    for (std::size_t control = 0; control < std::size(inference_controls); ++control) {
      Values y;
      for (const float x : p.x) y.push_back(inference_controls[control].y(p.channel, x));
      worst[control] =
          std::max(worst[control], worst_ratio(expected.outputs.at(Output::y), y, Summation::blocked));
      ++cases;
    }
  }
  EXPECT_GE(cases, scaled(100000));
  for (std::size_t control = 0; control < std::size(inference_controls); ++control) {
    std::printf("attainable error, inference: %-38s worst ratio %.3f\n", inference_controls[control].name,
                worst[control]);
    EXPECT_LE(worst[control], 1) << inference_controls[control].name;
  }
  std::printf("attainable error, inference: %zu cases\n", cases);
}

/// Exponents from one end of the float range to the other, in x, γ, β, ε and the statistics. Underflow is part of the
/// bound; where an intermediate result overflows, the bound must say that it does not hold. y also in its folded form.
void simulate_exponents(std::uint64_t seed, bool training, int most_exponent, double least_share) {
  Random random(seed);
  std::uniform_int_distribution<int> exponent(-149, most_exponent);
  std::size_t in_range = 0;
  std::size_t elements = 0;
  double worst_y = 0;
  double worst_folded = 0;
  double worst_statistic = 0;
  for (std::size_t k = 0; k < scaled(12000); ++k) {
    Problem p = problem(random, all_data[k % std::size(all_data)], draw_count(random), training);
    const int of_x = exponent(random);
    scale(p.x, of_x);
    State& state = p.content.state;
    scale(state.weight->floats(), exponent(random) / 2);
    if (k % 2 == 0) scale(state.bias->floats(), exponent(random));
    scale(state.running_mean->floats(), of_x);
    scale(state.running_var->floats(), std::clamp(2 * of_x, -149, most_exponent));
    if (k % 3 == 0) p.channel.eps = 0x1p-100f;
    p.content.config.eps = static_cast<double>(p.channel.eps);
    p.channel.gamma = state.weight->floats()[0];
    p.channel.beta = state.bias->floats()[0];
    p.channel.mean = state.running_mean->floats()[0];
    p.channel.variance = state.running_var->floats()[0];
    const auto finite = [](float value) { return std::isfinite(value); };
    if (!std::ranges::all_of(p.x, finite) || !finite(p.channel.mean) || !finite(p.channel.variance)) continue;
    std::get<Forward>(p.content.calls[0].operation).x =
        Tensor::of({static_cast<std::int64_t>(p.x.size()), 1}, p.x);
    const ExpectedCall expected = answer(p);
    expect_faithful_is_sound(expected);
    const ExpectedTensor& y = expected.outputs.at(Output::y);
    for (std::int64_t i = 0; i < y.size(); ++i) in_range += y.slack(i, Numerics{}).in_range ? 1u : 0u;
    elements += static_cast<std::size_t>(y.size());
    DistinctResults centred_results(y);
    DistinctResults folded_results(y);
    for (const TrainingControl& t : training_controls) {
      Channel c = p.channel;
      if (training) {
        const Moments m = t.moments(p.x);
        c.mean = m.mean;
        c.variance = m.variance;
        worst_statistic = std::max(
            {worst_statistic, statistic_ratio(expected.outputs.at(Output::saved_mean), m.mean, t.summation),
             statistic_ratio(expected.outputs.at(Output::saved_invstd), 1 / std::sqrt(m.variance + c.eps),
                             t.summation)});
      }
      Numerics numerics;
      numerics.summation = t.summation;
      for (const InferenceControl& control : inference_controls) {
        Values got;
        for (const float x : p.x) got.push_back(control.y(c, x));
        centred_results.add(got, numerics);
      }
      numerics.form = Form::folded;
      Values got;
      for (const float x : p.x) got.push_back(folded(c, x));
      folded_results.add(got, numerics);
      if (!training) break;
    }
    worst_y = std::max(worst_y, centred_results.worst_ratio());
    worst_folded = std::max(worst_folded, folded_results.worst_ratio());
  }
  const double share = static_cast<double>(in_range) / static_cast<double>(elements);
  std::printf(
      "attainable error, exponents to 2^%d, %s: worst ratio %.3f for y, %.3f for y folded, %.3f for statistics, "
      "%.1f %% of y in range\n",
      most_exponent, training ? "training" : "inference", worst_y, worst_folded, worst_statistic,
      100 * share);
  EXPECT_LE(worst_y, 1);
  EXPECT_LE(worst_folded, 1);
  EXPECT_LE(worst_statistic, 1);
  EXPECT_GE(share, least_share);
}

TEST(AttainableError, AnyExponentsStayWithinIt) {
  simulate_exponents(20260106, true, 60, 0.9);
  simulate_exponents(20260107, false, 60, 0.9);
  // Squares overflow in some of the cases, and products in a few.
  simulate_exponents(20260108, true, 120, 0.8);
  simulate_exponents(20260109, false, 120, 0.9);
}

/// E[x²] − E[x]² loses a factor of (μ/σ)² of its accuracy by cancellation.
TEST(AttainableError, OnePassVarianceAtLargeMeanIsBeyondIt) {
  Random random(20260103);
  double least = HUGE_VAL;
  double most = 0;
  for (int k = 0; k < 200; ++k) {
    Problem p = problem(random, Data::mean_1e3, 256, true);
    p.channel.gamma = 1;
    p.content.state.weight->floats()[0] = 1;
    const Moments m = one_pass(p.x);
    const Channel c{m.mean, m.variance, 1, p.channel.beta, p.channel.eps};
    Values y;
    for (const float x : p.x) y.push_back(inference_controls[0].y(c, x));
    const double ratio = worst_ratio(answer(p).outputs.at(Output::y), y, Summation::naive);
    least = std::min(least, ratio);
    most = std::max(most, ratio);
  }
  std::printf("attainable error, one-pass variance at mean 1e3: worst ratio of a case from %.3g to %.3g\n",
              least, most);
  EXPECT_GT(most, 1);
  // At mean 1e5 the cancellation takes more digits than a float has.
  double hopeless = 0;
  for (int k = 0; k < 50; ++k) {
    Problem p = problem(random, Data::mean_1e5, 64, true);
    const Moments m = one_pass(p.x);
    const Channel c{m.mean, m.variance, p.channel.gamma, p.channel.beta, p.channel.eps};
    Values y;
    for (const float x : p.x) y.push_back(inference_controls[0].y(c, x));
    hopeless = std::max(hopeless, worst_ratio(answer(p).outputs.at(Output::y), y, Summation::naive));
  }
  EXPECT_GT(hopeless, 100);
}

/// x·α + (β − μ·α) loses a factor of |μ|/σ of its accuracy by cancellation.
TEST(AttainableError, FoldedInferenceAtLargeMeanIsBeyondIt) {
  Random random(20260104);
  double worst = 0;
  for (int k = 0; k < 200; ++k) {
    const Problem p = problem(random, Data::mean_1e3, 64, false);
    Values y;
    for (const float x : p.x) y.push_back(folded(p.channel, x));
    worst = std::max(worst, worst_ratio(answer(p).outputs.at(Output::y), y, Summation::blocked));
  }
  std::printf("attainable error, folded inference at mean 1e3: worst ratio %.3g\n", worst);
  EXPECT_GT(worst, 10);
}

}  // namespace
}  // namespace bncheck::simulation
