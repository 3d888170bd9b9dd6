#pragma once
/// What a sound float32 algorithm may lose on this very input, beyond rounding its result: the A of
/// |got - exact| / A, less half an ulp. Derivation beside each formula in attainable_error.cpp.

#include "bncheck/expected.hpp"
#include "bncheck/numerics.hpp"

namespace bncheck {

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
