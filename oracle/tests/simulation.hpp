#pragma once
/// Common parts of the simulations of the attainable error: float32 sums and statistics as they are commonly
/// written, the inputs, and a layer of one channel. BNCHECK_SIMULATION_FACTOR multiplies the number of cases.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <random>
#include <set>
#include <span>
#include <tuple>
#include <type_traits>

#include "bncheck/expected.hpp"

namespace bncheck::simulation {

using Random = std::mt19937_64;
template <class T>
using ValuesOf = std::vector<T>;
using Values = ValuesOf<float>;

// ---- sums, in float32 or float64

template <class T>
T naive_sum(const ValuesOf<T>& v) {
  T sum = 0;
  for (const T x : v) sum += x;
  return sum;
}

template <class T>
T pairwise_sum(const T* v, std::size_t n) {
  if (n == 1) return v[0];
  return pairwise_sum(v, n / 2) + pairwise_sum(v + n / 2, n - n / 2);
}

/// Sixteen sequential additions, then a tree.
template <class T>
T blocked_sum(const ValuesOf<T>& v) {
  ValuesOf<T> blocks;
  for (std::size_t i = 0; i < v.size(); i += 16) {
    T sum = v[i];
    for (std::size_t k = i + 1; k < std::min(i + 16, v.size()); ++k) sum += v[k];
    blocks.push_back(sum);
  }
  return pairwise_sum(blocks.data(), blocks.size());
}

template <class T>
T kahan_sum(const ValuesOf<T>& v) {
  T sum = 0;
  T carry = 0;
  for (const T x : v) {
    const T term = x - carry;
    const T next = sum + term;
    carry = (next - sum) - term;
    sum = next;
  }
  return sum;
}

template <class T>
T wide_sum(const ValuesOf<T>& v) {
  using Wider = std::conditional_t<sizeof(T) == 4, double, long double>;
  Wider sum = 0;
  for (const T x : v) sum += static_cast<Wider>(x);
  return static_cast<T>(sum);
}

// ---- statistics

template <class T>
struct MomentsOf {
  T mean, variance;  ///< population variance
};
using Moments = MomentsOf<float>;

template <class T>
MomentsOf<T> two_pass(const ValuesOf<T>& x, T (*sum)(const ValuesOf<T>&)) {
  const auto n = static_cast<T>(x.size());
  const T mean = sum(x) / n;
  ValuesOf<T> squares;
  for (const T v : x) squares.push_back((v - mean) * (v - mean));
  return {mean, sum(squares) / n};
}

/// Welford's recurrence in chunks of 16, merged two by two (Chan, Golub, LeVeque 1983).
template <class T>
MomentsOf<T> chunked_welford(const ValuesOf<T>& x) {
  struct Part {
    T n, mean, m2;
  };
  std::vector<Part> parts;
  for (std::size_t i = 0; i < x.size(); i += 16) {
    Part part{0, 0, 0};
    for (std::size_t k = i; k < std::min(i + 16, x.size()); ++k) {
      part.n += 1;
      const T delta = x[k] - part.mean;
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
      const T n = a.n + b.n;
      const T delta = b.mean - a.mean;
      merged.push_back({n, a.mean + delta * (b.n / n), a.m2 + b.m2 + delta * delta * (a.n * b.n / n)});
    }
    if (parts.size() % 2 != 0) merged.push_back(parts.back());
    parts = std::move(merged);
  }
  return {parts[0].mean, parts[0].m2 / parts[0].n};
}

template <class T>
T all_pairwise_sum(const ValuesOf<T>& v) {
  return pairwise_sum(v.data(), v.size());
}

template <class T>
struct TrainingControlOf {
  const char* name;
  Summation summation;
  T (*sum)(const ValuesOf<T>&);  ///< for the sums of gradients; `moments` is for those of x
  MomentsOf<T> (*moments)(const ValuesOf<T>&);
};
using TrainingControl = TrainingControlOf<float>;

template <class T>
inline constexpr TrainingControlOf<T> training_controls_of[] = {
    {"two-pass, blocked sums", Summation::blocked, blocked_sum<T>,
     [](const ValuesOf<T>& x) { return two_pass<T>(x, blocked_sum<T>); }},
    {"two-pass, pairwise sums", Summation::blocked, all_pairwise_sum<T>,
     [](const ValuesOf<T>& x) { return two_pass<T>(x, all_pairwise_sum<T>); }},
    {"two-pass, naive sums", Summation::naive, naive_sum<T>,
     [](const ValuesOf<T>& x) { return two_pass<T>(x, naive_sum<T>); }},
    {"two-pass, Kahan sums", Summation::compensated, kahan_sum<T>,
     [](const ValuesOf<T>& x) { return two_pass<T>(x, kahan_sum<T>); }},
    {"two-pass, double sums", Summation::wide, wide_sum<T>,
     [](const ValuesOf<T>& x) { return two_pass<T>(x, wide_sum<T>); }},
    {"chunked Welford", Summation::welford, blocked_sum<T>, chunked_welford<T>},
};
inline constexpr const auto& training_controls = training_controls_of<float>;

// ---- normalisation of given statistics

struct Channel {
  float mean, variance, gamma, beta;
  float eps;
};

// ---- data

enum class Data { ordinary, mean_1e3, mean_1e5, scaled, mixed, integers, sparse, two_valued, neighbours };
/// All kinds except neighbours, the floats next to 1e5.
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

/// Number of random problems to run, reduced in builds with sanitizers; BNCHECK_SIMULATION_FACTOR multiplies
/// it.
inline std::size_t scaled(std::size_t problems) {
  const char* text = std::getenv("BNCHECK_SIMULATION_FACTOR");
  const std::size_t factor = text == nullptr ? 1 : static_cast<std::size_t>(std::max(1, std::atoi(text)));
  return problems * factor / BNCHECK_ONE_CASE_IN;
}

/// One channel as a case of the oracle; ε is a float in all of them.
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
  // Statistics that a training run could leave: those of other values of the same kind.
  const Moments other = two_pass<float>(draw(random, data, 64), wide_sum);
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

inline double worst_ratio(const ExpectedTensor& y, const Values& got, const Numerics& numerics) {
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const Error error = y.error(static_cast<std::int64_t>(i), got[i], numerics);
    if (error.in_range) worst = std::max(worst, error.ratio);
  }
  return worst;
}

inline double worst_ratio(const ExpectedTensor& y, const Values& got, Summation summation) {
  Numerics numerics;
  numerics.summation = summation;
  return worst_ratio(y, got, numerics);
}

/// Worst ratio of the results of many ways of computing y. They often agree, and each number is judged once.
class DistinctResults {
 public:
  explicit DistinctResults(const ExpectedTensor& y) : y_(y) {}

  void add(const Values& got, const Numerics& numerics) {
    for (std::size_t i = 0; i < got.size(); ++i) {
      const auto bits = std::bit_cast<std::uint32_t>(got[i]);
      if (!seen_.insert({numerics.summation, numerics.form, i, bits}).second) continue;
      const Error error = y_.error(static_cast<std::int64_t>(i), got[i], numerics);
      if (error.in_range) worst_ = std::max(worst_, error.ratio);
    }
  }
  double worst_ratio() const { return worst_; }

 private:
  const ExpectedTensor& y_;
  std::set<std::tuple<Summation, Form, std::size_t, std::uint32_t>> seen_;
  double worst_ = 0;
};

inline void scale(std::span<float> values, int exponent) {
  for (float& value : values) value = std::ldexp(value, exponent);
}

/// A faithful result, less than an ulp from the exact one, is within the bound.
inline void expect_faithful_is_sound(const ExpectedCall& expected) {
  for (const auto& [output, tensor] : expected.outputs) {
    for (std::int64_t i = 0; i < tensor.size(); ++i) {
      const auto nearest = static_cast<float>(tensor.nearest(i));
      for (const float side : {-HUGE_VALF, HUGE_VALF}) {
        const Error error = tensor.error(i, std::nextafter(nearest, side), Numerics{});
        if (error.in_range && error.ulps < 1) {
          EXPECT_LE(error.ratio, 1) << name_of(output) << ", " << error.ulps << " ulps";
        }
      }
    }
  }
}

}  // namespace bncheck::simulation
