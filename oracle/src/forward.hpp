#pragma once
/// The exact forward pass: exact statistics per channel, and one exact number per element on demand.

#include "answer.hpp"
#include "channels.hpp"

namespace bncheck {

/// Weights of an update, without rounding: (old_numerator·r + new_numerator·s) / denominator.
struct UpdateWeights {
  Dyadic old_numerator, new_numerator, denominator;
  /// Distances of the weights from those of a momentum that stays a double.
  long double old_loss = 0, new_loss = 0;
};

class ForwardAnswer : public Answer {
 public:
  ForwardAnswer(const Config& config, const State& before, const Forward& forward, const Dialect& dialect);

  const Shape& shape(Output output) const override;
  Dtype dtype(Output output) const override;
  Dtype data() const override { return x_.dtype; }
  ExactNumber value(Output output, std::int64_t index) const override;
  Slack slack(Output output, std::int64_t index, const Numerics& numerics) const override;

 private:
  ExactNumber y(const Channel& channel, double x) const;
  ExactNumber special_y(const Channel& channel, double x) const;
  ExactNumber running(Output output, std::int64_t index) const;
  ChannelScale scale_for(const Channel& channel, const Numerics& numerics) const;
  Slack saved_slack(Output output, std::int64_t index, const Numerics& numerics) const;
  Slack running_slack(Output output, std::int64_t index, const Numerics& numerics) const;
  bool unbiased_running(const BatchSums& batch) const;

  Dialect dialect_;
  State before_;
  Tensor x_;
  Shape channel_shape_, single_shape_{1};
  bool uses_batch_;
  Channels channels_;
  UpdateWeights weights_;
};

}  // namespace bncheck
