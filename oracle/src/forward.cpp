#include "forward.hpp"

#include <cmath>

#include "bncheck/elements.hpp"
#include "bncheck/owed.hpp"

namespace bncheck {
namespace {

const Dyadic one{1, 0};

/// Weights of r ← old·r + new·s. `k` is the number of batches including this one.
UpdateWeights update_weights(const Config& config, const Dialect& dialect, std::int64_t k) {
  if (!config.momentum && dialect.cumulative == Cumulative::exact) {
    return {Dyadic::of(k - 1), one, Dyadic::of(k)};
  }
  const double m = config.momentum ? *config.momentum : 1.0 / static_cast<double>(k);
  const auto scalar = [&](double value) {
    const bool narrow = dialect.scalars == Scalars::f32;
    return Dyadic::of(narrow ? static_cast<double>(static_cast<float>(value)) : value);
  };
  if (dialect.averaging == Averaging::new_weight) return {one - scalar(m), scalar(m), one};
  const Dyadic old = scalar(1 - m);
  if (dialect.averaging == Averaging::both_weights) return {old, scalar(m), one};
  if (dialect.averaging == Averaging::ratio) return {old, one, one};
  return {old, one - old, one};
}

}  // namespace

ForwardAnswer::ForwardAnswer(const Config& config, const State& before, const Forward& forward,
                             const Dialect& dialect)
    : dialect_(dialect),
      before_(before),
      x_(forward.x),
      uses_batch_(uses_batch(config, forward)),
      channels_(config, before, forward.x, uses_batch_, dialect) {
  channel_shape_ = {channels_.count()};
  if (updates_running(config, forward) && dialect.averaging != Averaging::none)
    weights_ = update_weights(config, dialect, before.num_batches_tracked + 1);
}

ExactNumber ForwardAnswer::y(const Channel& c, double x) const {
  const bool no_mean = c.special_mean && std::isnan(*c.special_mean);
  if (std::isnan(c.weight) || std::isnan(c.bias) || no_mean || !c.normaliser.is_defined()) {
    return ExactNumber::nan();
  }
  const bool plain = std::isfinite(x) && std::isfinite(c.weight) && std::isfinite(c.bias) &&
                     !c.special_mean && !c.infinite_variance;
  return plain ? c.normaliser.affine(x, c.weight, c.bias) : special_y(c, x);
}

/// γ·((x − mean)/√v) + β in the extended reals with one, unsigned zero, evaluated in exactly this order: 0·∞,
/// ∞ − ∞ and ∞/∞ are NaN, finite/∞ is 0. Only the signs of finite parts matter.
ExactNumber ForwardAnswer::special_y(const Channel& c, double x) const {
  const double mean = c.special_mean.value_or(0);
  if (std::isnan(x) || (std::isinf(x) && std::isinf(mean) && std::signbit(x) == std::signbit(mean))) {
    return ExactNumber::nan();
  }
  const bool infinite_centre = std::isinf(x) || std::isinf(mean);
  int sign = std::isinf(x) ? (x > 0 ? 1 : -1) : std::isinf(mean) ? (mean > 0 ? -1 : 1) : c.normaliser.side(x);
  bool infinite = infinite_centre;
  if (c.infinite_variance) {
    if (infinite_centre) return ExactNumber::nan();
    sign = 0;
  }
  const bool zero_times_infinity = (infinite && c.weight == 0) || (std::isinf(c.weight) && sign == 0);
  if (zero_times_infinity) return ExactNumber::nan();
  infinite = infinite || std::isinf(c.weight);
  sign *= c.weight > 0 ? 1 : c.weight < 0 ? -1 : 0;
  if (std::isinf(c.bias)) {
    const int bias_sign = c.bias > 0 ? 1 : -1;
    return infinite && sign != bias_sign ? ExactNumber::nan() : ExactNumber::infinity(bias_sign);
  }
  if (infinite) return ExactNumber::infinity(sign);
  // The variance is infinite and all else finite: x̂ = 0.
  return ExactNumber::rational(Dyadic::of(c.bias), one);
}

bool ForwardAnswer::unbiased_running(const BatchSums& batch) const {
  return dialect_.running_variance == Correction::unbiased && batch.n > 1;
}

/// (old·den·r + new·num) / (q·den) for the statistic s = num/den, where q is the denominator of the weights.
ExactNumber ForwardAnswer::running(Output output, std::int64_t index) const {
  const auto update = [&](double r, const Dyadic& numerator, const Dyadic& denominator) {
    if (std::isnan(r)) return ExactNumber::nan();
    if (std::isinf(r)) {
      const int old_sign = weights_.old_numerator.sign();
      if (old_sign == 0) return ExactNumber::nan();
      return ExactNumber::infinity(r > 0 ? old_sign : -old_sign);
    }
    return ExactNumber::rational(
        weights_.old_numerator * denominator * Dyadic::of(r) + weights_.new_numerator * numerator,
        weights_.denominator * denominator);
  };
  if (output == Output::running_weight) return update(element_or(before_.running_weight, 0, 1), one, one);
  const BatchSums& batch = channels_[index].batch;
  const Tensor& tensor = output == Output::running_mean ? *before_.running_mean : *before_.running_var;
  const double r = element(tensor, index);
  const bool single = batch.n == 1;
  if (single && dialect_.single_value == SingleValue::skip) {
    return std::isnan(r)   ? ExactNumber::nan()
           : std::isinf(r) ? ExactNumber::infinity(r > 0 ? 1 : -1)
                           : ExactNumber::rational(Dyadic::of(r), one);
  }
  if (!batch.finite || batch.n == 0) return ExactNumber::nan();
  const Dyadic n = Dyadic::of(batch.n);
  if (output == Output::running_mean) return update(r, batch.sum, n);
  if (single && dialect_.running_variance == Correction::unbiased &&
      dialect_.single_value == SingleValue::nan) {
    return ExactNumber::nan();
  }
  return update(r, batch.spread, unbiased_running(batch) ? n * Dyadic::of(batch.n - 1) : n * n);
}

const Shape& ForwardAnswer::shape(Output output) const {
  if (output == Output::y) return x_.shape;
  return output == Output::running_weight ? single_shape_ : channel_shape_;
}

Dtype ForwardAnswer::dtype(Output output) const {
  switch (output) {
    case Output::y:
      return x_.dtype;
    case Output::running_mean:
      return before_.running_mean->dtype;
    case Output::running_var:
      return before_.running_var->dtype;
    case Output::running_weight:
      return before_.running_weight ? before_.running_weight->dtype : before_.running_mean->dtype;
    default:
      return dtype_of_vectors(before_, x_.dtype);
  }
}

ExactNumber ForwardAnswer::value(Output output, std::int64_t index) const {
  if (is_state(output)) return running(output, index);
  if (output == Output::y) return y(channels_[channels_.channel_of(index)], element(x_, index));
  const BatchSums& batch = channels_[index].batch;
  if (output == Output::saved_mean) {
    return batch.finite ? ExactNumber::rational(batch.sum, Dyadic::of(batch.n)) : ExactNumber::nan();
  }
  const Normaliser& normaliser = channels_[index].normaliser;
  if (output == Output::saved_var)
    return normaliser.has_statistics() ? normaliser.variance() : ExactNumber::nan();
  return normaliser.is_defined() ? normaliser.factor() : ExactNumber::nan();
}

/// Magnitudes of the channel for y and the running statistics. A gradient starts from the statistics in their
/// stored dtype; y and the running statistics see them rounded only where the subject says so.
ChannelScale ForwardAnswer::scale_for(const Channel& channel, const Numerics& numerics) const {
  ChannelScale scale = channel.scale;
  if (!numerics.rounds_statistics) scale.stored.reset();
  return scale;
}

Slack ForwardAnswer::running_slack(Output output, std::int64_t index, const Numerics& numerics) const {
  const long double q = weights_.denominator.approximate();
  const long double old_weight = weights_.old_numerator.approximate() / q;
  const long double new_weight = weights_.new_numerator.approximate() / q;
  const auto old_of = [&](const std::optional<Tensor>& tensor, std::int64_t i) {
    return old_weight * static_cast<long double>(element_or(tensor, i, 1));
  };
  if (output == Output::running_weight) {
    return slack_running({}, numerics, old_of(before_.running_weight, 0), new_weight, 1);
  }
  const ChannelScale scale = scale_for(channels_[index], numerics);
  if (output == Output::running_mean) {
    return slack_running(slack_mean(scale, numerics), numerics, old_of(before_.running_mean, index),
                         new_weight, scale.mean);
  }
  const bool unbiased = unbiased_running(channels_[index].batch);
  const long double n = scale.n;
  const long double s = unbiased ? scale.variance * n / (n - 1) : scale.variance;
  return slack_running(slack_variance(scale, numerics, unbiased), numerics,
                       old_of(before_.running_var, index), new_weight, s);
}

/// Slack of a saved statistic. It is rounded once, as a result, and that half ulp is not part of the slack.
Slack ForwardAnswer::saved_slack(Output output, std::int64_t index, const Numerics& numerics) const {
  ChannelScale scale = channels_[index].scale;
  scale.stored.reset();
  if (output == Output::saved_mean) return slack_mean(scale, numerics);
  if (output == Output::saved_var) return slack_variance(scale, numerics, scale.unbiased_normalising);
  return slack_invstd(scale, numerics);
}

Slack ForwardAnswer::slack(Output output, std::int64_t index, const Numerics& numerics) const {
  if (is_state(output)) return running_slack(output, index, numerics);
  if (output != Output::y) return saved_slack(output, index, numerics);
  const Channel& c = channels_[channels_.channel_of(index)];
  const auto x = static_cast<long double>(element(x_, index));
  const auto gamma = static_cast<long double>(c.weight);
  const long double product = gamma * (x - c.scale.mean) * c.scale.invstd;
  return uses_batch_ ? slack_training_y(scale_for(c, numerics), numerics, gamma, x, product)
                     : slack_inference_y(c.scale, numerics, gamma, x, product);
}

}  // namespace bncheck
