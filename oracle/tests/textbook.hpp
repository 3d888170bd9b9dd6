#pragma once
/// The textbook formulas of BatchNorm, in interval arithmetic of a chosen precision: mean, variance about the
/// mean, square root, division. Shares only the case with the oracle.

#include <vector>

#include "real.hpp"

namespace bncheck::test {

/// One forward call on an x of shape (N, C, L), all values finite.
struct Problem {
  Config config;
  State state;
  Forward forward;
  Dialect dialect;

  std::int64_t length() const { return forward.x.shape[2]; }
  std::int64_t channel_of(std::int64_t index) const { return index / length() % config.num_features; }
  bool uses_batch() const { return forward.training || !config.track_running_stats; }
};

class Textbook {
 public:
  Textbook(const Problem& problem, mpfr_prec_t precision) : problem_(problem), precision_(precision) {
    for (std::int64_t c = 0; c < problem.config.num_features; ++c) {
      channels_.push_back(problem.uses_batch() ? of_batch(c) : given(c));
    }
  }

  const Interval& mean(std::int64_t c) const { return channels_[static_cast<std::size_t>(c)].mean; }
  const Interval& normalising_variance(std::int64_t c) const {
    return channels_[static_cast<std::size_t>(c)].normalising_variance;
  }
  /// √(v + ε), or the form of the dialect's eps_place.
  const Interval& deviation(std::int64_t c) const { return channels_[static_cast<std::size_t>(c)].deviation; }
  /// Enclosure of element `index` of `output`.
  Interval value(Output output, std::int64_t index) const {
    if (output == Output::y) return y(index);
    const Channel& channel = channels_[static_cast<std::size_t>(index)];
    switch (output) {
      case Output::saved_mean:
        return channel.mean;
      case Output::saved_var:
        return channel.normalising_variance;
      case Output::saved_invstd:
        return number(1) / channel.deviation;
      case Output::running_mean:
        return updated(*problem_.state.running_mean, index, channel.mean);
      default:
        return updated(*problem_.state.running_var, index, channel.running_variance);
    }
  }

 private:
  struct Channel {
    Interval mean, normalising_variance, running_variance, deviation;
  };

  Interval number(double value) const { return {precision_, value}; }
  static double at(const Tensor& tensor, std::int64_t index) { return element(tensor, index); }

  Interval deviation_of(const Interval& variance) const {
    const Interval eps = number(problem_.config.eps);
    switch (problem_.dialect.eps_place) {
      case EpsPlace::outside:
        return sqrt(variance) + eps;
      case EpsPlace::absent:
        return sqrt(variance);
      case EpsPlace::inside:
        break;
    }
    return sqrt(variance + eps);
  }

  Channel of_batch(std::int64_t c) const {
    const Tensor& x = problem_.forward.x;
    Interval sum = number(0);
    double n = 0;
    for (std::int64_t i = 0; i < *element_count(x.shape); ++i) {
      if (problem_.channel_of(i) != c) continue;
      sum = sum + number(at(x, i));
      ++n;
    }
    const Interval mean = sum / number(n);
    Interval squares = number(0);
    for (std::int64_t i = 0; i < *element_count(x.shape); ++i) {
      if (problem_.channel_of(i) == c) squares = squares + square(number(at(x, i)) - mean);
    }
    const auto variance = [&](Correction correction) {
      return squares / number(correction == Correction::unbiased ? n - 1 : n);
    };
    const Interval normalising = variance(problem_.dialect.normalising_variance);
    return {mean, normalising, variance(problem_.dialect.running_variance), deviation_of(normalising)};
  }

  Channel given(std::int64_t c) const {
    const Interval variance = number(at(*problem_.state.running_var, c));
    return {number(at(*problem_.state.running_mean, c)), variance, variance, deviation_of(variance)};
  }

  Interval y(std::int64_t index) const {
    const std::int64_t c = problem_.channel_of(index);
    const Channel& channel = channels_[static_cast<std::size_t>(c)];
    const Interval normalised = (number(at(problem_.forward.x, index)) - channel.mean) / channel.deviation;
    const State& state = problem_.state;
    const Interval scaled = problem_.config.weight ? number(at(*state.weight, c)) * normalised : normalised;
    return problem_.config.bias ? scaled + number(at(*state.bias, c)) : scaled;
  }

  Interval updated(const Tensor& old, std::int64_t index, const Interval& fresh) const {
    const auto k = static_cast<double>(problem_.state.num_batches_tracked + 1);
    const Interval m = number(problem_.config.momentum.value_or(1 / k));
    return (number(1) - m) * number(at(old, index)) + m * fresh;
  }

  const Problem& problem_;
  mpfr_prec_t precision_;
  std::vector<Channel> channels_;
};

}  // namespace bncheck::test
