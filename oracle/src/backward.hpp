#pragma once
/// The exact backward pass: exact sums of dy and dy·x per channel, and one exact number per element on
/// demand.

#include <optional>
#include <vector>

#include "answer.hpp"
#include "channels.hpp"

namespace bncheck {

class BackwardAnswer : public Answer {
 public:
  /// Gradient of `forward`, from the parameters and statistics in `before`. Precondition: dy has the shape of
  /// x.
  BackwardAnswer(const Config& config, const State& before, const Forward& forward, const Tensor& dy,
                 const Dialect& dialect);

  const Shape& shape(Output output) const override;
  Dtype dtype(Output output) const override;
  Dtype data() const override { return x_.dtype; }
  ExactNumber value(Output output, std::int64_t index) const override;
  Slack slack(Output output, std::int64_t index, const Numerics& numerics) const override;
  bool is_certain(Output output, std::int64_t index, const Numerics& numerics) const override;

 private:
  struct Gradient {
    bool finite = true;                 ///< all x and dy of the channel are finite
    std::optional<double> special_sum;  ///< Σdy in the extended reals, where some dy is not finite
    Dyadic sum, sum_with_x;             ///< Σdy, Σdy·x
    GradientForm form;                  ///< form of dx in training
    GradientScale scale;
  };

  void prepare_sums();
  void prepare_scale(std::int64_t c);
  void prepare_form(std::int64_t c);
  ExactNumber dx(std::int64_t index, double gamma) const;
  ExactNumber special_dx(const Channel& channel, double dy, double gamma) const;
  ExactNumber dweight(std::int64_t c) const;
  ExactNumber dbias(std::int64_t c) const;
  Slack dx_slack(std::int64_t index, double gamma, const Numerics& numerics) const;

  Dialect dialect_;
  Tensor x_, dy_;
  Dtype vectors_;
  Shape channel_shape_;
  bool uses_batch_;
  Channels channels_;
  /// Statistics that dx is computed with, where the dialect's backward_eps makes them differ from those of
  /// the forward pass.
  std::optional<Channels> own_channels_;
  std::vector<Gradient> gradients_;
};

}  // namespace bncheck
