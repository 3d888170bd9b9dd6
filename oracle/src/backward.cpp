#include "backward.hpp"

#include <algorithm>
#include <cmath>

#include "bncheck/elements.hpp"
#include "bncheck/owed.hpp"
#include "exact_sums.hpp"

namespace bncheck {
namespace {

/// Statistics of a backward pass that has an ε of its own, inside the root.
Channels channels_with(Config config, double eps, const State& before, const Tensor& x, bool uses_batch,
                       Dialect dialect) {
  config.eps = eps;
  dialect.eps_floor = 0;
  dialect.eps_place = EpsPlace::inside;
  return Channels(config, before, x, uses_batch, dialect);
}

/// a + b, where at least one of the two is not finite.
double extended_sum(std::optional<double> a, double b) {
  return a ? *a + (std::isfinite(b) ? 0 : b) : b;
}

}  // namespace

BackwardAnswer::BackwardAnswer(const Config& config, const State& before, const Forward& forward,
                               const Tensor& dy, const Dialect& dialect)
    : dialect_(dialect),
      x_(forward.x),
      dy_(dy),
      vectors_(dtype_of_vectors(before, forward.x.dtype)),
      uses_batch_(uses_batch(config, forward)),
      channels_(config, before, forward.x, uses_batch_, dialect) {
  channel_shape_ = {channels_.count()};
  if (dialect.backward_eps) {
    own_channels_ = channels_with(config, *dialect.backward_eps, before, x_, uses_batch_, dialect);
  }
  if (channels_.values_per_channel() == 0) return;
  gradients_.resize(static_cast<std::size_t>(channels_.count()));
  prepare_sums();
  for (std::int64_t c = 0; c < channels_.count(); ++c) {
    if (!gradients_[static_cast<std::size_t>(c)].finite) continue;
    prepare_scale(c);
    if (uses_batch_) prepare_form(c);
  }
}

void BackwardAnswer::prepare_sums() {
  ExactSums sums;
  ExactProducts products;
  for (std::int64_t c = 0; c < channels_.count(); ++c) {
    Gradient& gradient = gradients_[static_cast<std::size_t>(c)];
    sums.clear();
    products.clear();
    channels_.for_each_element(c, [&](std::int64_t index) {
      const double x = element(x_, index);
      const double dy = element(dy_, index);
      if (std::isfinite(dy) && dy_.dtype == Dtype::f64) {
        sums.add(dy);
      } else if (std::isfinite(dy)) {
        sums.add(static_cast<float>(dy));
      } else {
        gradient.special_sum = extended_sum(gradient.special_sum, dy);
      }
      if (std::isfinite(x) && std::isfinite(dy)) {
        products.add(dy, x);
      } else {
        gradient.finite = false;
      }
      return true;
    });
    gradient.sum = sums.sum();
    gradient.sum_with_x = products.sum();
    gradient.scale.n = static_cast<long double>(channels_.values_per_channel());
    gradient.scale.abs_mean = sums.sum_of_magnitudes().approximate() / gradient.scale.n;
  }
}

/// Computes the magnitudes on which the error bounds depend. long double is precise enough for them: sums of
/// absolute values do not cancel, and `mean` and `projection` come from exact sums.
void BackwardAnswer::prepare_scale(std::int64_t c) {
  Gradient& gradient = gradients_[static_cast<std::size_t>(c)];
  const ChannelScale& channel = channels_[c].scale;
  const long double n = gradient.scale.n;
  GradientScale& scale = gradient.scale;
  long double sum = 0;
  channels_.for_each_element(c, [&](std::int64_t index) {
    const long double distance = std::fabs(static_cast<long double>(element(x_, index)) - channel.mean);
    sum += std::fabs(static_cast<long double>(element(dy_, index))) * distance;
    scale.reach = std::max(scale.reach, distance);
    return true;
  });
  scale.mean = gradient.sum.approximate() / n;
  scale.abs_dot = sum / n;
  const Channel& of_dx = own_channels_ ? (*own_channels_)[c] : channels_[c];
  if (of_dx.normaliser.is_defined() && !of_dx.special_mean && !of_dx.infinite_variance) {
    const ExactNumber projection = of_dx.normaliser.projection(gradient.sum_with_x, gradient.sum);
    scale.projection = projection.approximate() / n;
  }
}

void BackwardAnswer::prepare_form(std::int64_t c) {
  const Channels& channels = own_channels_ ? *own_channels_ : channels_;
  const Channel& channel = channels[c];
  if (!channel.normaliser.is_defined()) return;
  Gradient& gradient = gradients_[static_cast<std::size_t>(c)];
  const std::int64_t n = channels.values_per_channel();
  const Dyadic correlation = Dyadic::of(n) * gradient.sum_with_x - gradient.sum * channel.batch.sum;
  // With an ε of its own, the backward pass is no derivative but the textbook formula, with 1/n throughout.
  const bool unbiased = dialect_.normalising_variance == Correction::unbiased && !own_channels_ && n > 1;
  const std::int64_t q = unbiased ? n - 1 : n;
  gradient.form = channel.normaliser.gradient(n, q, correlation);
  gradient.scale.correction = static_cast<long double>(n) / static_cast<long double>(q);
}

const Shape& BackwardAnswer::shape(Output output) const {
  return output == Output::dx ? x_.shape : channel_shape_;
}

Dtype BackwardAnswer::dtype(Output output) const {
  return output == Output::dx ? x_.dtype : vectors_;
}

ExactNumber BackwardAnswer::value(Output output, std::int64_t index) const {
  if (output == Output::dx) return dx(index, channels_[channels_.channel_of(index)].weight);
  // Without values, the sums are 0.
  if (channels_.values_per_channel() == 0) return ExactNumber::rational(Dyadic(), Dyadic(1, 0));
  return output == Output::dweight ? dweight(index) : dbias(index);
}

ExactNumber BackwardAnswer::dx(std::int64_t index, double gamma) const {
  const std::int64_t c = channels_.channel_of(index);
  const Channel& channel = own_channels_ ? (*own_channels_)[c] : channels_[c];
  const double dy = element(dy_, index);
  if (std::isnan(gamma) || !channel.normaliser.is_defined()) return ExactNumber::nan();
  if (!uses_batch_) {
    const bool plain = std::isfinite(dy) && std::isfinite(gamma) && !channel.infinite_variance;
    return plain ? channel.normaliser.scaled_factor(gamma, dy) : special_dx(channel, dy, gamma);
  }
  const Gradient& gradient = gradients_[static_cast<std::size_t>(c)];
  if (!gradient.finite) return ExactNumber::nan();
  if (std::isinf(gamma)) {
    const int sign = dx(index, 1).sign();
    return sign == 0 ? ExactNumber::nan() : ExactNumber::infinity(gamma > 0 ? sign : -sign);
  }
  const Dyadic n = Dyadic::of(channels_.values_per_channel());
  const Dyadic x = Dyadic::of(element(x_, index));
  return gradient.form.value(gamma, n * Dyadic::of(dy) - gradient.sum, n * x - channel.batch.sum);
}

/// γ·(dy/√v) in the extended reals, where at least one of the three is not finite.
ExactNumber BackwardAnswer::special_dx(const Channel& channel, double dy, double gamma) const {
  if (std::isnan(dy) || (std::isinf(dy) && channel.infinite_variance)) return ExactNumber::nan();
  const double quotient = channel.infinite_variance ? 0 : dy;  // infinite, zero, or of the sign of dy
  const bool infinite = std::isinf(quotient) || std::isinf(gamma);
  if (infinite && (quotient == 0 || gamma == 0)) return ExactNumber::nan();
  if (!infinite) return ExactNumber::rational(Dyadic(), Dyadic(1, 0));
  return ExactNumber::infinity(std::signbit(quotient) == std::signbit(gamma) ? 1 : -1);
}

ExactNumber BackwardAnswer::dweight(std::int64_t c) const {
  const Channel& channel = channels_[c];
  const Gradient& gradient = gradients_[static_cast<std::size_t>(c)];
  if (!gradient.finite || channel.special_mean || !channel.normaliser.is_defined()) return ExactNumber::nan();
  if (channel.infinite_variance) return ExactNumber::rational(Dyadic(), Dyadic(1, 0));
  return channel.normaliser.projection(gradient.sum_with_x, gradient.sum);
}

ExactNumber BackwardAnswer::dbias(std::int64_t c) const {
  const Gradient& gradient = gradients_[static_cast<std::size_t>(c)];
  if (!gradient.special_sum) return ExactNumber::rational(gradient.sum, Dyadic(1, 0));
  if (std::isnan(*gradient.special_sum)) return ExactNumber::nan();
  return ExactNumber::infinity(*gradient.special_sum > 0 ? 1 : -1);
}

Slack BackwardAnswer::dx_slack(std::int64_t index, double gamma, const Numerics& numerics) const {
  const std::int64_t c = channels_.channel_of(index);
  const ChannelScale& channel = (own_channels_ ? *own_channels_ : channels_)[c].scale;
  const GradientScale& gradient = gradients_[static_cast<std::size_t>(c)].scale;
  const GradientElement at{static_cast<long double>(gamma), static_cast<long double>(element(x_, index)),
                           static_cast<long double>(element(dy_, index)), dx(index, gamma).approximate()};
  return uses_batch_ ? slack_training_dx(channel, gradient, numerics, at)
                     : slack_inference_dx(channel, numerics, at);
}

Slack BackwardAnswer::slack(Output output, std::int64_t index, const Numerics& numerics) const {
  if (channels_.values_per_channel() == 0) return {};
  if (output == Output::dx) {
    return dx_slack(index, channels_[channels_.channel_of(index)].weight, numerics);
  }
  const GradientScale& gradient = gradients_[static_cast<std::size_t>(index)].scale;
  if (output == Output::dbias) return slack_dbias(gradient, numerics);
  return slack_dweight(channels_[index].scale, gradient, numerics, uses_batch_);
}

/// An infinite γ needs only the sign of dx/γ. That sign is uncertain where the error of dx/γ may be larger
/// than dx/γ.
bool BackwardAnswer::is_certain(Output output, std::int64_t index, const Numerics& numerics) const {
  if (output != Output::dx) return true;
  const double gamma = channels_[channels_.channel_of(index)].weight;
  const ExactNumber quotient = dx(index, 1);
  if (!std::isinf(gamma) || !quotient.is_finite()) return true;
  // With given statistics, dx/γ is exactly 0 only for a dy of 0 or an infinite variance: no arithmetic loses
  // anything there.
  if (!uses_batch_ && quotient.sign() == 0) return true;
  const Slack slack = dx_slack(index, 1, numerics);
  return slack.in_range && quotient.distance(Dyadic()) > slack.amount;
}

}  // namespace bncheck
