#pragma once
/// What a sound algorithm may lose on this very input, beyond rounding its result: the A of
/// |got - exact| / A, less half an ulp of the output's dtype. "Float" means the numerics' arithmetic
/// throughout, `of_data` being float32 here: ExpectedTensor knows x's dtype and resolves it. Derivation
/// beside each formula in attainable_error.cpp.

#include "bncheck/expected.hpp"
#include "bncheck/numerics.hpp"

namespace bncheck {

/// The numbers of an arithmetic.
struct Precision {
  int bits;               ///< of the significand
  long double unit;       ///< u = 2^-bits: half an ulp of 1
  long double underflow;  ///< omega: the smallest positive number, or smallest normal one where it flushes
};
Precision precision_of(const Numerics& numerics);

/// Half an ulp of a number of this size: the most that rounding to the format does to it.
long double half_ulp(const FloatFormat& format, long double size);

/// The form in which a call returns the statistics that its gradient starts from.
struct StoredStatistics {
  FloatFormat format;
  bool as_variance = false;  ///< mean and variance; else mean and invstd
};

/// Magnitudes of one channel, as plain numbers. Only sizes matter here, so long double carries them.
struct ChannelScale {
  long double n = 0;         ///< values per channel
  long double mean = 0;      ///< mu
  long double abs_mean = 0;  ///< mean of |x|
  long double variance = 0;  ///< sigma^2, population
  long double beta = 0;      ///< bias
  long double invstd = 0;    ///< h: the factor that x - mu is multiplied with
  EpsPlace eps_place = EpsPlace::inside;
  bool unbiased_normalising = false;
  bool ratio_statistics = false;  ///< mean and variance are themselves quotients S/c
  /// Mean and variance or invstd have been rounded to this before they are used; absent: they have not.
  std::optional<StoredStatistics> stored{};
};

/// Magnitudes of one channel's gradient.
struct GradientScale {
  long double n = 0;           ///< values per channel
  long double mean = 0;        ///< mean of dy
  long double abs_mean = 0;    ///< mean of |dy|
  long double abs_dot = 0;     ///< mean of |dy (x - mu)|
  long double reach = 0;       ///< largest |x - mu|
  long double projection = 0;  ///< t: mean of dy x^, with the h of dx where that is not the forward pass's
  /// n/q, where q is what the normalising variance divides by and dx is its derivative.
  long double correction = 1;
};
/// One element of dx.
struct GradientElement {
  long double gamma, x, dy, dx;
};

/// Additions on the longest path to a sum of n terms.
long double summation_depth(Summation summation, long double n);

Slack slack_inference_y(const ChannelScale& channel, const Numerics& numerics, long double gamma,
                        long double x, long double product);
Slack slack_training_y(const ChannelScale& channel, const Numerics& numerics, long double gamma,
                       long double x, long double product);
Slack slack_mean(const ChannelScale& channel, const Numerics& numerics);
Slack slack_variance(const ChannelScale& channel, const Numerics& numerics, bool unbiased);
Slack slack_invstd(const ChannelScale& channel, const Numerics& numerics);
/// r <- old r + fresh s, where s carries the slack `statistic` beyond its own rounding.
Slack slack_running(const Slack& statistic, const Numerics& numerics, long double old_term,
                    long double fresh_weight, long double s);

Slack slack_training_dx(const ChannelScale& channel, const GradientScale& gradient, const Numerics& numerics,
                        const GradientElement& at);
Slack slack_inference_dx(const ChannelScale& channel, const Numerics& numerics, const GradientElement& at);
/// Sum dy x^, with the batch's statistics or with given ones.
Slack slack_dweight(const ChannelScale& channel, const GradientScale& gradient, const Numerics& numerics,
                    bool uses_batch);
Slack slack_dbias(const GradientScale& gradient, const Numerics& numerics);

}  // namespace bncheck
