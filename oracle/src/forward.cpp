#include "forward.hpp"

#include <cmath>

#include "element.hpp"
#include "exact_sums.hpp"

namespace bncheck {
namespace {

const Dyadic one{1, 0};

double element_or(const std::optional<Tensor>& tensor, std::int64_t index, double otherwise) {
  return tensor ? element(*tensor, index) : otherwise;
}

/// The weights of r <- old r + new s. `k` is the number of batches after this one.
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

BatchSums batch_sums(ExactSums& sums, bool finite) {
  BatchSums batch;
  batch.n = sums.count();
  batch.finite = finite;
  if (!finite) return batch;
  const Dyadic n = Dyadic::of(batch.n);
  batch.sum = sums.sum();
  batch.spread = n * sums.sum_of_squares() - batch.sum * batch.sum;
  batch.abs_mean = sums.sum_of_magnitudes().approximate() / static_cast<long double>(batch.n);
  return batch;
}

/// Mean and variance from S/c with c > 0 or c < 0; c = 0 means that both are 0.
Statistics quotient_statistics(const Dyadic& mean, const Dyadic& variance, const Dyadic& weight) {
  if (weight.is_zero()) return {one, Dyadic(), Dyadic()};
  const bool negative = weight.sign() < 0;
  return {negative ? -weight : weight, negative ? -mean : mean, variance * weight};
}

/// An infinite sum S stands for S/c: with the other sign where c < 0, NaN where S counts 0 times (c = 0).
double quotient_or_sum(double sum, double weight) {
  return std::isinf(sum) ? (weight > 0 ? sum : weight < 0 ? -sum : std::nan("")) : sum;
}

}  // namespace

FeatureCount feature_count(const Shape& shape, Axes axes) {
  std::int64_t spatial = 1;
  for (std::size_t k = 2; k < shape.size(); ++k) spatial *= shape[k];
  if (axes == Axes::per_activation) return {shape[1] * spatial, shape[0]};
  return {shape[1], shape[0] * spatial};
}

double effective_eps(const Config& config, const Dialect& dialect) {
  const double eps = std::max(config.eps, dialect.eps_floor);
  return dialect.scalars == Scalars::f32 ? static_cast<double>(static_cast<float>(eps)) : eps;
}

ForwardAnswer::ForwardAnswer(const Config& config, const State& before, const Forward& forward,
                             const Dialect& dialect)
    : config_(config), dialect_(dialect), before_(before), x_(forward.x) {
  uses_batch_ = forward.training || !config.track_running_stats;
  updates_running_ = forward.training && config.track_running_stats && dialect.averaging != Averaging::none;
  if (updates_running_) weights_ = update_weights(config, dialect, before.num_batches_tracked + 1);
  const bool empty = x_.bytes.empty();
  // Nothing is known per channel of an empty batch unless it makes the statistics NaN.
  if (empty && !(updates_running_ && dialect.empty_batch == EmptyBatch::nan)) return;
  const FeatureCount count = feature_count(x_.shape, dialect.axes);
  spatial_ = dialect.axes == Axes::per_activation ? 1 : count.values / std::max<std::int64_t>(x_.shape[0], 1);
  channel_shape_ = {count.features};
  channels_.resize(static_cast<std::size_t>(count.features));
  for (std::int64_t c = 0; c < count.features; ++c) {
    Channel& channel = channels_[static_cast<std::size_t>(c)];
    channel.weight = element_or(before.weight, c, 1);
    channel.bias = element_or(before.bias, c, 0);
  }
  if (uses_batch_) {
    prepare_batch(x_);
  } else {
    prepare_given(before);
  }
}

std::int64_t ForwardAnswer::channel_of(std::int64_t index) const {
  return index / spatial_ % static_cast<std::int64_t>(channels_.size());
}

Statistics ForwardAnswer::normalising_statistics(const BatchSums& batch) const {
  const Dyadic n = Dyadic::of(batch.n);
  if (dialect_.normalising_variance == Correction::population) return {n, batch.sum, batch.spread};
  // sigma^2 n/(n-1) = spread / (n (n-1)) = spread n (n-1) / (n (n-1))^2
  const Dyadic less = Dyadic::of(batch.n - 1);
  return {n * less, batch.sum * less, batch.spread * n * less};
}

void ForwardAnswer::prepare_batch(const Tensor& x) {
  const bool per_activation = dialect_.axes == Axes::per_activation;
  const auto features = static_cast<std::int64_t>(channels_.size());
  const std::int64_t outer = x.shape[0];
  ExactSums sums;
  for (std::int64_t c = 0; c < features; ++c) {
    sums.clear();
    bool finite = true;
    for (std::int64_t i = 0; i < outer; ++i) {
      const std::int64_t start = (i * features + c) * spatial_;
      for (std::int64_t k = 0; k < spatial_ && finite; ++k) {
        const double value = element(x, start + k);
        finite = std::isfinite(value);
        if (!finite) break;
        if (x.dtype == Dtype::f64) {
          sums.add(value);
        } else {
          sums.add(static_cast<float>(value));
        }
      }
    }
    Channel& channel = channels_[static_cast<std::size_t>(c)];
    channel.batch = batch_sums(sums, finite);
    channel.batch.n = outer * (per_activation ? 1 : spatial_);
    if (finite) prepare_normaliser(channel);
  }
}

/// A single value whose variance is 0/0 has a mean all the same, but nothing to normalise with.
void ForwardAnswer::prepare_normaliser(Channel& channel) const {
  const BatchSums& batch = channel.batch;
  const bool single = batch.n == 1;
  const bool unbiased = dialect_.normalising_variance == Correction::unbiased;
  if (!(single && unbiased && dialect_.single_value == SingleValue::nan)) {
    channel.normaliser =
        Normaliser(single ? Statistics{one, batch.sum, batch.spread} : normalising_statistics(batch),
                   effective_eps(config_, dialect_), dialect_.eps_place);
    channel.scale = channel.normaliser.scale();
    channel.scale.beta = static_cast<long double>(channel.bias);
  }
  const auto n = static_cast<long double>(batch.n);
  channel.scale.n = n;
  channel.scale.mean = batch.sum.approximate() / n;
  channel.scale.variance = batch.spread.approximate() / n / n;
  channel.scale.abs_mean = batch.abs_mean;
  channel.scale.unbiased_normalising = unbiased;
}

void ForwardAnswer::prepare_given(const State& before) {
  const double eps = effective_eps(config_, dialect_);
  for (std::int64_t c = 0; c < static_cast<std::int64_t>(channels_.size()); ++c) {
    Channel& channel = channels_[static_cast<std::size_t>(c)];
    const double weight =
        dialect_.averaging == Averaging::ratio ? element_or(before.running_weight, 0, 1) : 1.0;
    const double mean = quotient_or_sum(element(*before.running_mean, c), weight);
    const double variance = quotient_or_sum(element(*before.running_var, c), weight);
    if (std::isnan(mean) || std::isnan(variance) || !std::isfinite(weight) || variance == -HUGE_VAL) continue;
    channel.infinite_variance = std::isinf(variance);
    if (!std::isfinite(mean)) channel.special_mean = mean;
    const Dyadic exact_mean = channel.special_mean ? Dyadic() : Dyadic::of(mean);
    const Dyadic exact_variance = Dyadic::of(channel.infinite_variance ? weight : variance);
    channel.normaliser = Normaliser(quotient_statistics(exact_mean, exact_variance, Dyadic::of(weight)), eps,
                                    dialect_.eps_place);
    channel.scale = channel.normaliser.scale();
    channel.scale.beta = static_cast<long double>(channel.bias);
    channel.scale.n = 1;
    if (channel.infinite_variance) channel.scale.invstd = 0;
    channel.scale.ratio_statistics = dialect_.averaging == Averaging::ratio;
  }
}

ExactNumber ForwardAnswer::y(const Channel& c, double x) const {
  if (std::isnan(c.weight) || std::isnan(c.bias) || !c.normaliser.is_defined()) return ExactNumber::nan();
  const bool plain = std::isfinite(x) && std::isfinite(c.weight) && std::isfinite(c.bias) &&
                     !c.special_mean && !c.infinite_variance;
  return plain ? c.normaliser.affine(x, c.weight, c.bias) : special_y(c, x);
}

/// gamma ((x - mean)/sqrt v) + beta in the extended reals with one, unsigned zero, evaluated once and in this
/// bracketing: 0 inf, inf - inf and inf/inf are NaN, finite/inf is 0. Only the signs of finite parts matter.
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
  // Infinite variance, all else finite: x^ = 0.
  return ExactNumber::rational(Dyadic::of(c.bias), one);
}

bool ForwardAnswer::unbiased_running(const BatchSums& batch) const {
  return dialect_.running_variance == Correction::unbiased && batch.n > 1;
}

/// (old den r + new num) / (q den) for the statistic s = num/den.
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
  const BatchSums& batch = channel(index).batch;
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

ExactNumber ForwardAnswer::value(Output output, std::int64_t index) const {
  if (is_state(output)) return running(output, index);
  if (output == Output::y) return y(channel(channel_of(index)), element(x_, index));
  const BatchSums& batch = channel(index).batch;
  if (output == Output::saved_mean) {
    return batch.finite ? ExactNumber::rational(batch.sum, Dyadic::of(batch.n)) : ExactNumber::nan();
  }
  const Normaliser& normaliser = channel(index).normaliser;
  if (!normaliser.is_defined()) return ExactNumber::nan();
  return output == Output::saved_var ? normaliser.variance() : normaliser.factor();
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
  const Channel& c = channel(index);
  if (output == Output::running_mean) {
    return slack_running(slack_mean(c.scale, numerics), numerics, old_of(before_.running_mean, index),
                         new_weight, c.scale.mean);
  }
  const bool unbiased = unbiased_running(c.batch);
  const long double n = c.scale.n;
  const long double s = unbiased ? c.scale.variance * n / (n - 1) : c.scale.variance;
  return slack_running(slack_variance(c.scale, numerics, unbiased), numerics,
                       old_of(before_.running_var, index), new_weight, s);
}

Slack ForwardAnswer::slack(Output output, std::int64_t index, const Numerics& numerics) const {
  if (is_state(output)) return running_slack(output, index, numerics);
  if (output == Output::saved_mean) return slack_mean(channel(index).scale, numerics);
  if (output == Output::saved_var) {
    const ChannelScale& scale = channel(index).scale;
    return slack_variance(scale, numerics, scale.unbiased_normalising);
  }
  if (output == Output::saved_invstd) return slack_invstd(channel(index).scale, numerics);
  const Channel& c = channel(channel_of(index));
  const auto x = static_cast<long double>(element(x_, index));
  const auto gamma = static_cast<long double>(c.weight);
  const long double product = gamma * (x - c.scale.mean) * c.scale.invstd;
  return uses_batch_ ? slack_training_y(c.scale, numerics, gamma, x, product)
                     : slack_inference_y(c.scale, numerics, gamma, x, product);
}

}  // namespace bncheck
