#pragma once
/// What the simulations of the attainable error share: float32 sums and statistics as people write them, the
/// inputs, and a layer of one channel. BNCHECK_SIMULATION_FACTOR multiplies the number of cases.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "bncheck/expected.hpp"

namespace bncheck::simulation {

using Random = std::mt19937_64;
using Values = std::vector<float>;

// ---- float32 sums

inline float naive_sum(const Values& v) {
  float sum = 0;
  for (const float x : v) sum += x;
  return sum;
}

inline float pairwise_sum(const float* v, std::size_t n) {
  if (n == 1) return v[0];
  return pairwise_sum(v, n / 2) + pairwise_sum(v + n / 2, n - n / 2);
}

/// Sixteen sequential additions, then a tree.
inline float blocked_sum(const Values& v) {
  Values blocks;
  for (std::size_t i = 0; i < v.size(); i += 16) {
    float sum = v[i];
    for (std::size_t k = i + 1; k < std::min(i + 16, v.size()); ++k) sum += v[k];
    blocks.push_back(sum);
  }
  return pairwise_sum(blocks.data(), blocks.size());
}

inline float kahan_sum(const Values& v) {
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

inline float wide_sum(const Values& v) {
  double sum = 0;
  for (const float x : v) sum += static_cast<double>(x);
  return static_cast<float>(sum);
}

// ---- statistics

struct Moments {
  float mean, variance;  ///< population variance
};

template <class Sum>
inline Moments two_pass(const Values& x, const Sum& sum) {
  const auto n = static_cast<float>(x.size());
  const float mean = sum(x) / n;
  Values squares;
  for (const float v : x) squares.push_back((v - mean) * (v - mean));
  return {mean, sum(squares) / n};
}

/// Welford's recurrence in chunks of 16, merged two by two (Chan, Golub, LeVeque 1983).
inline Moments chunked_welford(const Values& x) {
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

inline float all_pairwise_sum(const Values& v) {
  return pairwise_sum(v.data(), v.size());
}

struct TrainingControl {
  const char* name;
  Summation summation;
  float (*sum)(const Values&);  ///< of gradients; `moments` are those of x
  Moments (*moments)(const Values&);
};

inline constexpr TrainingControl training_controls[] = {
    {"two-pass, blocked sums", Summation::blocked, blocked_sum,
     [](const Values& x) { return two_pass(x, blocked_sum); }},
    {"two-pass, pairwise sums", Summation::blocked, all_pairwise_sum,
     [](const Values& x) { return two_pass(x, all_pairwise_sum); }},
    {"two-pass, naive sums", Summation::naive, naive_sum,
     [](const Values& x) { return two_pass(x, naive_sum); }},
    {"two-pass, Kahan sums", Summation::compensated, kahan_sum,
     [](const Values& x) { return two_pass(x, kahan_sum); }},
    {"two-pass, double sums", Summation::wide, wide_sum,
     [](const Values& x) { return two_pass(x, wide_sum); }},
    {"chunked Welford", Summation::welford, blocked_sum, chunked_welford},
};

// ---- normalisation of given statistics

struct Channel {
  float mean, variance, gamma, beta;
  float eps;
};

// ---- data

enum class Data { ordinary, mean_1e3, mean_1e5, scaled, mixed, integers, sparse, two_valued, neighbours };
/// All but neighbours, the floats next to 1e5.
inline constexpr Data all_data[] = {Data::ordinary, Data::mean_1e3, Data::mean_1e5, Data::scaled,
                                    Data::mixed,    Data::integers, Data::sparse,   Data::two_valued};

inline Values draw(Random& random, Data data, std::size_t n) {
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
      case Data::neighbours:
        values.push_back(static_cast<float>(1e5 + 0x1p-7 * std::floor(z)));
        break;
    }
  }
  return values;
}

inline std::size_t draw_count(Random& random) {
  const auto kind = random() % 8;
  if (kind == 0) return 2 + random() % 3;
  if (kind == 1) return 64 + random() % 64;
  return 2 + random() % 40;
}

inline std::size_t factor() {
  const char* text = std::getenv("BNCHECK_SIMULATION_FACTOR");
  return text == nullptr ? 1 : static_cast<std::size_t>(std::max(1, std::atoi(text)));
}

/// One channel as a case of the oracle; eps is a float in all of these.
struct Problem {
  Case content;
  Channel channel;
  Values x;
};

inline Problem problem(Random& random, Data data, std::size_t n, bool training) {
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

inline ExpectedCall answer(const Problem& p) {
  return expect(p.content.config, p.content.state, p.content.calls[0], dialect_presets().front());
}

inline double worst_ratio(const ExpectedTensor& y, const Values& got, Summation summation) {
  Numerics numerics;
  numerics.summation = summation;
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const Error error = y.error(static_cast<std::int64_t>(i), got[i], numerics);
    if (error.in_range) worst = std::max(worst, error.ratio);
  }
  return worst;
}

}  // namespace bncheck::simulation
