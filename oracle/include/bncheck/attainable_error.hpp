#pragma once
/// Attainable error A: the error that a sound algorithm may have on this very input. The functions below give
/// A without the rounding of the result itself, which adds half an ulp of the output's dtype. The judge
/// compares |got − exact| with A.
///
/// "Float" means the arithmetic of the numerics throughout. `of_data` counts as float32 here: ExpectedTensor
/// knows the dtype of x and resolves it first. Each formula is derived beside its code in
/// attainable_error.cpp.

#include "bncheck/expected.hpp"
#include "bncheck/numerics.hpp"

namespace bncheck {

/// Properties of an arithmetic.
struct Precision {
  int bits;               ///< bits of the significand, the hidden one included
  long double unit;       ///< u = 2^−bits: half an ulp of 1
  long double underflow;  ///< ω: the smallest positive number; the smallest normal one if it flushes to zero
};
Precision precision_of(const Numerics& numerics);

/// Half an ulp of a number of this size: the largest error of rounding it to the format.
long double half_ulp(const FloatFormat& format, long double size);

/// Form in which a training call returns the statistics that its backward pass starts from.
struct StoredStatistics {
  FloatFormat format;
  bool as_variance = false;  ///< true: mean and variance; false: mean and invstd
};

/// Magnitudes of one channel. Only their size matters, so long double is exact enough.
struct ChannelScale {
  long double n = 0;         ///< values per channel
  long double mean = 0;      ///< μ
  long double abs_mean = 0;  ///< mean of |x|
  long double variance = 0;  ///< σ², of the population
  long double beta = 0;      ///< β: the bias
  long double invstd = 0;    ///< h: the factor that x − μ is multiplied by
  EpsPlace eps_place = EpsPlace::inside;
  bool unbiased_normalising = false;
  bool ratio_statistics = false;  ///< mean and variance are quotients S/c of a state (averaging by ratio)
  long double eps_loss = 0;       ///< distance of ε from the one that is not rounded
  /// Format that the mean and the variance or invstd are rounded to before they are used; absent: they are
  /// not rounded.
  std::optional<StoredStatistics> stored{};
};

/// Magnitudes of one channel's gradient.
struct GradientScale {
  long double n = 0;           ///< values per channel
  long double mean = 0;        ///< mean of dy
  long double abs_mean = 0;    ///< mean of |dy|
  long double abs_dot = 0;     ///< mean of |dy·(x − μ)|
  long double reach = 0;       ///< largest |x − μ|
  long double projection = 0;  ///< t: mean of dy·x̂, with the h of dx where a backward_eps gives it another h
  /// n/q, where q is the divisor of the normalising variance: n or n − 1; 1 where a backward_eps makes dx the
  /// textbook formula.
  long double correction = 1;
};
/// One element of dx.
struct GradientElement {
  long double gamma, x, dy, dx;
};

/// Error of a sum of n terms, relative to the sum of their sizes, in units of u (`unit`): the number of
/// additions on the longest path to the sum.
long double summation_depth(Summation summation, long double n, long double unit);

Slack slack_inference_y(const ChannelScale& channel, const Numerics& numerics, long double gamma,
                        long double x, long double product);
Slack slack_training_y(const ChannelScale& channel, const Numerics& numerics, long double gamma,
                       long double x, long double product);
Slack slack_mean(const ChannelScale& channel, const Numerics& numerics);
Slack slack_variance(const ChannelScale& channel, const Numerics& numerics, bool unbiased);
Slack slack_invstd(const ChannelScale& channel, const Numerics& numerics);
/// Update of a running statistic: old_weight·old + fresh_weight·fresh.
struct UpdateScale {
  long double old_weight, fresh_weight;
  /// Distances of the weights from those of a momentum that is not rounded.
  long double old_loss, fresh_loss;
  long double old = 0, fresh = 0;
};
/// `statistic` is the slack of `fresh` besides its own rounding.
Slack slack_running(const Slack& statistic, const Numerics& numerics, const UpdateScale& update);

Slack slack_training_dx(const ChannelScale& channel, const GradientScale& gradient, const Numerics& numerics,
                        const GradientElement& at);
Slack slack_inference_dx(const ChannelScale& channel, const Numerics& numerics, const GradientElement& at);
/// dγ = Σdy·x̂, with the batch's statistics (`uses_batch`) or with given ones.
Slack slack_dweight(const ChannelScale& channel, const GradientScale& gradient, const Numerics& numerics,
                    bool uses_batch);
Slack slack_dbias(const GradientScale& gradient, const Numerics& numerics);

}  // namespace bncheck
