#pragma once
/// The textbook gradients of BatchNorm (Ioffe and Szegedy 2015, section 3), in interval arithmetic: those of
/// variance and mean first, then that of x by the chain rule.

#include "textbook.hpp"

namespace bncheck::test {

/// A backward call after the forward call of the problem; dy is finite and has the shape of x.
struct GradientProblem : Problem {
  Tensor dy;
};

class TextbookGradient {
 public:
  TextbookGradient(const GradientProblem& problem, mpfr_prec_t precision)
      : problem_(problem), precision_(precision), book_(problem, precision) {
    for (std::int64_t c = 0; c < problem.config.num_features; ++c) channels_.push_back(of_channel(c));
  }

  /// Enclosure of element `index` of dx, dγ or dβ.
  Interval value(Output output, std::int64_t index) const {
    if (output == Output::dx) return dx(index);
    const Channel& channel = channels_[static_cast<std::size_t>(index)];
    return output == Output::dweight ? channel.sum_with_centred / book_.deviation(index) : channel.sum;
  }

 private:
  /// Σdy, Σdy·(x − μ); the factor h of dx, and its derivative by the variance.
  struct Channel {
    double n;
    Interval sum, sum_with_centred, factor, slope;
  };

  Interval number(double value) const { return {precision_, value}; }
  static double at(const Tensor& tensor, std::int64_t index) { return element(tensor, index); }
  Interval centred(std::int64_t index) const {
    return number(at(problem_.forward.x, index)) - book_.mean(problem_.channel_of(index));
  }

  Channel of_channel(std::int64_t c) const {
    Channel channel{0, number(0), number(0), number(0), number(0)};
    for (std::int64_t i = 0; i < *element_count(problem_.dy.shape); ++i) {
      if (problem_.channel_of(i) != c) continue;
      const Interval dy = number(at(problem_.dy, i));
      ++channel.n;
      channel.sum = channel.sum + dy;
      channel.sum_with_centred = channel.sum_with_centred + dy * centred(i);
    }
    const Interval& variance = book_.normalising_variance(c);
    const Dialect& dialect = problem_.dialect;
    if (dialect.backward_eps || dialect.eps_place != EpsPlace::outside) {
      // (v + ε)^(−1/2), −1/2·(v + ε)^(−3/2)
      const bool absent = !dialect.backward_eps && dialect.eps_place == EpsPlace::absent;
      const double eps = absent ? 0 : dialect.backward_eps.value_or(problem_.config.eps);
      const Interval v = variance + number(eps);
      channel.factor = number(1) / sqrt(v);
      channel.slope = number(-1) / (number(2) * v * sqrt(v));
    } else {
      // (√v + ε)^(−1), −(√v + ε)^(−2) / (2√v)
      const Interval& deviation = book_.deviation(c);
      channel.factor = number(1) / deviation;
      channel.slope = number(-1) / (number(2) * sqrt(variance) * square(deviation));
    }
    return channel;
  }

  Interval dx(std::int64_t index) const {
    const std::int64_t c = problem_.channel_of(index);
    const Channel& channel = channels_[static_cast<std::size_t>(c)];
    const Interval gamma = number(problem_.config.weight ? at(*problem_.state.weight, c) : 1);
    const Interval direct = number(at(problem_.dy, index)) * channel.factor;
    if (!problem_.uses_batch()) return gamma * direct;
    const Dialect& dialect = problem_.dialect;
    const bool less = dialect.normalising_variance == Correction::unbiased && !dialect.backward_eps;
    const Interval d_variance = channel.sum_with_centred * channel.slope;
    const Interval d_mean = number(0) - channel.sum * channel.factor;
    const Interval n = number(channel.n);
    const Interval q = number(channel.n - (less ? 1 : 0));
    return gamma * (direct + d_variance * (number(2) * centred(index) / q) + d_mean / n);
  }

  const GradientProblem& problem_;
  mpfr_prec_t precision_;
  Textbook book_;
  std::vector<Channel> channels_;
};

}  // namespace bncheck::test
