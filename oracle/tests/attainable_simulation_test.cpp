/// The attainable error of oracle/src/attainable_error.cpp, put to float32 arithmetic as people write it.
///
/// Right ways of computing (the controls) must stay within the bound on every element of every case; a
/// one-pass variance at large mean, and folded inference at large mean, must not. These runs fixed the
/// constants before any foreign implementation was looked at. BNCHECK_SIMULATION_FACTOR multiplies the number
/// of cases.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <random>

#include "bncheck/expected.hpp"

namespace bncheck {
namespace {

using Random = std::mt19937_64;
using Values = std::vector<float>;

// ---- float32 sums

float naive_sum(const Values& v) {
  float sum = 0;
  for (const float x : v) sum += x;
  return sum;
}

float pairwise_sum(const float* v, std::size_t n) {
  if (n == 1) return v[0];
  return pairwise_sum(v, n / 2) + pairwise_sum(v + n / 2, n - n / 2);
}

/// Sixteen sequential additions, then a tree.
float blocked_sum(const Values& v) {
  Values blocks;
  for (std::size_t i = 0; i < v.size(); i += 16) {
    float sum = v[i];
    for (std::size_t k = i + 1; k < std::min(i + 16, v.size()); ++k) sum += v[k];
    blocks.push_back(sum);
  }
  return pairwise_sum(blocks.data(), blocks.size());
}

float kahan_sum(const Values& v) {
  float sum = 0;
  float carry = 0;
  for (const float x : v) {
    const float term = x - carry;
    const float next = sum + term;
    carry = (next - sum) - term;
    sum = next;
  }
  return sum;
}

float wide_sum(const Values& v) {
  double sum = 0;
  for (const float x : v) sum += static_cast<double>(x);
  return static_cast<float>(sum);
}

// ---- statistics

struct Moments {
  float mean, variance;  ///< population variance
};

template <class Sum>
Moments two_pass(const Values& x, const Sum& sum) {
  const auto n = static_cast<float>(x.size());
  const float mean = sum(x) / n;
  Values squares;
  for (const float v : x) squares.push_back((v - mean) * (v - mean));
  return {mean, sum(squares) / n};
}

/// Welford's recurrence in chunks of 16, merged two by two (Chan, Golub, LeVeque 1983).
Moments chunked_welford(const Values& x) {
  struct Part {
    float n, mean, m2;
  };
  std::vector<Part> parts;
  for (std::size_t i = 0; i < x.size(); i += 16) {
    Part part{0, 0, 0};
    for (std::size_t k = i; k < std::min(i + 16, x.size()); ++k) {
      part.n += 1;
      const float delta = x[k] - part.mean;
      part.mean += delta / part.n;
      part.m2 += delta * (x[k] - part.mean);
    }
    parts.push_back(part);
  }
  while (parts.size() > 1) {
    std::vector<Part> merged;
    for (std::size_t i = 0; i + 1 < parts.size(); i += 2) {
      const Part& a = parts[i];
      const Part& b = parts[i + 1];
      const float n = a.n + b.n;
      const float delta = b.mean - a.mean;
      merged.push_back({n, a.mean + delta * (b.n / n), a.m2 + b.m2 + delta * delta * (a.n * b.n / n)});
    }
    if (parts.size() % 2 != 0) merged.push_back(parts.back());
    parts = std::move(merged);
  }
  return {parts[0].mean, parts[0].m2 / parts[0].n};
}

Moments one_pass(const Values& x) {
  Values squares;
  for (const float v : x) squares.push_back(v * v);
  const auto n = static_cast<float>(x.size());
  const float mean = naive_sum(x) / n;
  return {mean, naive_sum(squares) / n - mean * mean};
}

struct TrainingControl {
  const char* name;
  Summation summation;
  Moments (*moments)(const Values&);
};

constexpr TrainingControl training_controls[] = {
    {"two-pass, blocked sums", Summation::blocked, [](const Values& x) { return two_pass(x, blocked_sum); }},
    {"two-pass, pairwise sums", Summation::blocked,
     [](const Values& x) {
       return two_pass(x, [](const Values& v) { return pairwise_sum(v.data(), v.size()); });
     }},
    {"two-pass, naive sums", Summation::naive, [](const Values& x) { return two_pass(x, naive_sum); }},
    {"two-pass, Kahan sums", Summation::compensated, [](const Values& x) { return two_pass(x, kahan_sum); }},
    {"two-pass, double sums", Summation::wide, [](const Values& x) { return two_pass(x, wide_sum); }},
    {"chunked Welford", Summation::welford, chunked_welford},
};

// ---- normalisation of given statistics

struct Channel {
  float mean, variance, gamma, beta;
  float eps;
};

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

// ---- data

enum class Data { ordinary, mean_1e3, mean_1e5, scaled, mixed, integers, sparse, two_valued };
constexpr Data all_data[] = {Data::ordinary, Data::mean_1e3, Data::mean_1e5, Data::scaled,
                             Data::mixed,    Data::integers, Data::sparse,   Data::two_valued};

Values draw(Random& random, Data data, std::size_t n) {
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int> exponent(-20, 20);
  const double scale = std::ldexp(1.0, exponent(random));
  const double other = normal(random);
  Values values;
  for (std::size_t i = 0; i < n; ++i) {
    const double z = normal(random);
    switch (data) {
      case Data::ordinary:
        values.push_back(static_cast<float>(z));
        break;
      case Data::mean_1e3:
        values.push_back(static_cast<float>(1e3 + z));
        break;
      case Data::mean_1e5:
        values.push_back(static_cast<float>(1e5 + z));
        break;
      case Data::scaled:
        values.push_back(static_cast<float>(scale * (z + 3 * other)));
        break;
      case Data::mixed:
        values.push_back(static_cast<float>(std::ldexp(z, exponent(random))));
        break;
      case Data::integers:
        values.push_back(static_cast<float>(std::floor(5 * z)));
        break;
      case Data::sparse:
        values.push_back(z > 0.5 ? static_cast<float>(z) : 0.0f);
        break;
      case Data::two_valued:
        values.push_back(static_cast<float>(z > 0 ? other : scale));
        break;
    }
  }
  return values;
}

std::size_t draw_count(Random& random) {
  const auto kind = random() % 8;
  if (kind == 0) return 2 + random() % 3;
  if (kind == 1) return 64 + random() % 64;
  return 2 + random() % 40;
}

std::size_t factor() {
  const char* text = std::getenv("BNCHECK_SIMULATION_FACTOR");
  return text == nullptr ? 1 : static_cast<std::size_t>(std::max(1, std::atoi(text)));
}

/// One channel as a case of the oracle; eps is a float in all of these.
struct Problem {
  Case content;
  Channel channel;
  Values x;
};

Problem problem(Random& random, Data data, std::size_t n, bool training) {
  std::normal_distribution<double> normal;
  Problem p;
  p.x = draw(random, data, n);
  p.channel.gamma = random() % 4 == 0 ? 1.0f : static_cast<float>(normal(random));
  p.channel.beta = random() % 4 == 0 ? 0.0f : static_cast<float>(normal(random));
  p.channel.eps = random() % 4 == 0 ? 0x1p-20f : 1e-5f;
  // Statistics that a training run could have left: those of other values of the same kind.
  const Moments other = two_pass(draw(random, data, 64), wide_sum);
  p.channel.mean = other.mean;
  p.channel.variance = other.variance;
  Config& config = p.content.config;
  config.eps = static_cast<double>(p.channel.eps);
  State& state = p.content.state;
  state = fresh_state(config);
  state.weight->floats()[0] = p.channel.gamma;
  state.bias->floats()[0] = p.channel.beta;
  state.running_mean->floats()[0] = p.channel.mean;
  state.running_var->floats()[0] = p.channel.variance;
  p.content.calls.push_back({Forward{training, Tensor::of({static_cast<std::int64_t>(n), 1}, p.x)}, {}});
  return p;
}

ExpectedCall answer(const Problem& p) {
  return expect(p.content.config, p.content.state, p.content.calls[0], dialect_presets().front());
}

double worst_ratio(const ExpectedTensor& y, const Values& got, Summation summation) {
  Numerics numerics;
  numerics.summation = summation;
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const Error error = y.error(static_cast<std::int64_t>(i), got[i], numerics);
    if (error.in_range) worst = std::max(worst, error.ratio);
  }
  return worst;
}

double statistic_ratio(const ExpectedTensor& tensor, float got, Summation summation) {
  return worst_ratio(tensor, {got}, summation);
}

TEST(AttainableError, TrainingControlsStayWithinIt) {
  Random random(20260101);
  const std::size_t problems = 20000 * factor();
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
  EXPECT_GE(cases, 100000u);
  for (std::size_t control = 0; control < std::size(training_controls); ++control) {
    std::printf("attainable error, training: %-26s worst ratio %.3f for y, %.3f for statistics\n",
                training_controls[control].name, worst_y[control], worst_statistic[control]);
    EXPECT_LE(worst_y[control], 1) << training_controls[control].name;
    EXPECT_LE(worst_statistic[control], 1) << training_controls[control].name;
  }
  std::printf("attainable error, training: %zu cases\n", cases);
}

TEST(AttainableError, InferenceControlsStayWithinIt) {
  Random random(20260102);
  const std::size_t problems = 25000 * factor();
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
  EXPECT_GE(cases, 100000u);
  for (std::size_t control = 0; control < std::size(inference_controls); ++control) {
    std::printf("attainable error, inference: %-38s worst ratio %.3f\n", inference_controls[control].name,
                worst[control]);
    EXPECT_LE(worst[control], 1) << inference_controls[control].name;
  }
  std::printf("attainable error, inference: %zu cases\n", cases);
}

/// E[x^2] - E[x]^2 cancels (mean/sigma)^2 of its digits.
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
  // At mean 1e5 the cancellation takes more digits than float has.
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

/// x alpha + (beta - mean alpha) cancels mean/sigma of its digits.
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
}  // namespace bncheck
