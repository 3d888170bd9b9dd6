#include "forward.hpp"

#include <cmath>

#include "bncheck/elements.hpp"
#include "bncheck/owed.hpp"

namespace bncheck {
namespace {

const Dyadic one{1, 0};

/// Weight p of the interface and the weight q that belongs to it, as they multiply.
struct WeightPair {
  Dyadic given, other;
};

WeightPair weight_pair(double p, const Dialect& dialect, Dtype data) {
  const auto scalar = [&](double value) { return Dyadic::of(scalar_of(value, dialect.momentum_as, data)); };
  const Dyadic given = scalar(p);
  if (!is_narrow(dialect.momentum_as, data)) return {given, one - given};
  switch (dialect.complement) {
    case Complement::apart:
      return {given, scalar(1 - p)};
    case Complement::first:
      return {one - scalar(1 - p), scalar(1 - p)};
    case Complement::rounded:
      // A difference of doubles is rounded to double first; where a float is wanted, it is one of two floats, and exact
      // enough for the second rounding to be the first.
      return {given, scalar(1 - scalar_of(p, dialect.momentum_as, data))};
    case Complement::exact:
      break;
  }
  return {given, one - given};
}

/// Weights of r ← old·r + new·s. `k` is the number of batches including this one.
UpdateWeights update_weights(const Config& config, const Dialect& dialect, std::int64_t k, Dtype data) {
  if (!config.momentum && dialect.cumulative == Cumulative::exact) {
    return {Dyadic::of(k - 1), one, Dyadic::of(k)};
  }
  const double m = config.momentum ? *config.momentum : 1.0 / static_cast<double>(k);
  const bool of_new = dialect.averaging == Averaging::new_weight;
  const double p = of_new ? m : 1 - m;
  const auto [given, other] = weight_pair(p, dialect, data);
  const long double loss_of_given = std::fabs((given - Dyadic::of(p)).approximate());
  const long double loss_of_other = std::fabs((other - (one - Dyadic::of(p))).approximate());
  if (of_new) return {other, given, one, loss_of_other, loss_of_given};
  if (dialect.averaging == Averaging::ratio) return {given, one, one, loss_of_given, 0};
  return {given, other, one, loss_of_given, loss_of_other};
}

}  // namespace

RunningWeights running_weights(const Config& config, const Dialect& dialect, std::int64_t batches,
                               Dtype data) {
  const UpdateWeights weights = update_weights(config, dialect, batches, data);
  const long double q = weights.denominator.approximate();
  return {weights.old_numerator.approximate() / q, weights.new_numerator.approximate() / q};
}

ForwardAnswer::ForwardAnswer(const Config& config, const State& before, const Forward& forward,
                             const Dialect& dialect)
    : dialect_(dialect),
      before_(before),
      x_(forward.x),
      uses_batch_(uses_batch(config, forward)),
      channels_(config, before, forward.x, uses_batch_, dialect) {
  channel_shape_ = {channels_.count()};
  if (updates_running(config, forward) && dialect.averaging != Averaging::none)
    weights_ = update_weights(config, dialect, before.num_batches_tracked + 1, forward.x.dtype);
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
  UpdateScale update{weights_.old_numerator.approximate() / q, weights_.new_numerator.approximate() / q,
                     weights_.old_loss, weights_.new_loss};
  if (output == Output::running_weight) {
    update.old = static_cast<long double>(element_or(before_.running_weight, 0, 1));
    update.fresh = 1;
    return slack_running({}, numerics, update);
  }
  const ChannelScale scale = scale_for(channels_[index], numerics);
  if (output == Output::running_mean) {
    update.old = static_cast<long double>(element(*before_.running_mean, index));
    update.fresh = scale.mean;
    return slack_running(slack_mean(scale, numerics), numerics, update);
  }
  const bool unbiased = unbiased_running(channels_[index].batch);
  const long double n = scale.n;
  update.old = static_cast<long double>(element(*before_.running_var, index));
  update.fresh = unbiased ? scale.variance * n / (n - 1) : scale.variance;
  return slack_running(slack_variance(scale, numerics, unbiased), numerics, update);
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
