#pragma once
/// The exact forward pass: one set of exact statistics per channel, one exact number per element on demand.

#include <memory>
#include <optional>
#include <vector>

#include "bncheck/attainable_error.hpp"
#include "bncheck/expected.hpp"

namespace bncheck {

/// Mean = location / divisor, variance = spread / divisor^2, all of them dyadic: the one form that batch
/// statistics (divisor n), given statistics (divisor 1) and quotients S/c share.
struct Statistics {
  Dyadic divisor, location, spread;
};

/// x -> (x - mean) * factor, where factor is 1/sqrt(v + eps) or its dialect's cousin.
class Normaliser {
 public:
  /// An undefined one makes NaN of everything: v + eps <= 0, or statistics that are not numbers.
  Normaliser() = default;
  Normaliser(const Statistics& statistics, double eps, EpsPlace place);

  bool is_defined() const { return defined_; }
  /// gamma * normalised x + beta. Precondition: defined, all finite.
  ExactNumber affine(double x, double gamma, double beta) const;
  /// Sign of x - mean, exact. Precondition: defined.
  int side(double x) const;
  ExactNumber factor() const;
  ExactNumber variance() const;
  /// Magnitudes of mean, variance and factor.
  ChannelScale scale() const;

 private:
  ExactNumber root_form(const Dyadic& numerator, double beta) const;

  bool defined_ = false;
  Statistics statistics_;
  double eps_ = 0;
  EpsPlace place_ = EpsPlace::inside;
  Dyadic shifted_eps_;                    ///< divisor * eps, for eps outside the root
  Dyadic norm_;                           ///< spread - (divisor eps)^2, for eps outside the root
  std::shared_ptr<const Radicand> root_;  ///< null where the factor is rational
};

/// What the exact sums of one channel's batch say.
struct BatchSums {
  bool finite = true;
  std::int64_t n = 0;
  Dyadic sum, spread;  ///< S1, and n S2 - S1^2 = n^2 sigma^2
  long double abs_mean = 0;
};

/// (old_numerator r + new_numerator s) / denominator: the weights of an update, without rounding.
struct UpdateWeights {
  Dyadic old_numerator, new_numerator, denominator;
};

class ForwardAnswer {
 public:
  ForwardAnswer(const Config& config, const State& before, const Forward& forward, const Dialect& dialect);

  const Shape& shape(Output output) const;
  ExactNumber value(Output output, std::int64_t index) const;
  Slack slack(Output output, std::int64_t index, const Numerics& numerics) const;
  bool uses_batch() const { return uses_batch_; }
  bool updates_running() const { return updates_running_; }

 private:
  struct Channel {
    double weight = 1, bias = 0;
    Normaliser normaliser;
    /// The mean where it is infinite or NaN (inference only): nothing is left to normalise exactly.
    std::optional<double> special_mean;
    bool infinite_variance = false;
    BatchSums batch;
    ChannelScale scale;
  };

  void prepare_batch(const Tensor& x);
  void prepare_normaliser(Channel& channel) const;
  void prepare_given(const State& before);
  std::int64_t channel_of(std::int64_t index) const;
  const Channel& channel(std::int64_t index) const { return channels_[static_cast<std::size_t>(index)]; }
  Statistics normalising_statistics(const BatchSums& batch) const;
  ExactNumber y(const Channel& channel, double x) const;
  ExactNumber special_y(const Channel& channel, double x) const;
  ExactNumber running(Output output, std::int64_t index) const;
  Slack running_slack(Output output, std::int64_t index, const Numerics& numerics) const;
  bool unbiased_running(const BatchSums& batch) const;

  Config config_;
  Dialect dialect_;
  State before_;
  Tensor x_;
  Shape channel_shape_, single_shape_{1};
  std::int64_t spatial_ = 1;
  bool uses_batch_, updates_running_;
  UpdateWeights weights_;
  std::vector<Channel> channels_;
};

}  // namespace bncheck
