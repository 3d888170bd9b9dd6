#include "channels.hpp"

#include <cmath>

#include "bncheck/elements.hpp"
#include "bncheck/owed.hpp"
#include "exact_sums.hpp"

namespace bncheck {
namespace {

const Dyadic one{1, 0};

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

/// Mean and variance from S/c, with c > 0 or c < 0; for c = 0 both are 0.
Statistics quotient_statistics(const Dyadic& mean, const Dyadic& variance, const Dyadic& weight) {
  if (weight.is_zero()) return {one, Dyadic(), Dyadic()};
  const bool negative = weight.sign() < 0;
  return {negative ? -weight : weight, negative ? -mean : mean, variance * weight};
}

/// Value of the statistic S/c for an infinite sum S: the sign changes for c < 0, and c = 0 gives NaN. A
/// finite S is returned unchanged.
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

bool is_narrow(Scalar as, Dtype data) {
  return as == Scalar::f32 || (as == Scalar::data && data != Dtype::f64);
}

double scalar_of(double value, Scalar as, Dtype data) {
  return is_narrow(as, data) ? static_cast<double>(static_cast<float>(value)) : value;
}

double effective_eps(const Config& config, const Dialect& dialect, Dtype data) {
  return scalar_of(std::max(config.eps, dialect.eps_floor), dialect.eps_as, data);
}

bool lacks_eps(const Config& config, const Dialect& dialect, Dtype data) {
  return effective_eps(config, dialect, data) == 0 && dialect.eps_place != EpsPlace::absent;
}

Channels::Channels(const Config& config, const State& before, const Tensor& x, bool uses_batch,
                   const Dialect& dialect)
    : dialect_(dialect),
      eps_(effective_eps(config, dialect, x.dtype)),
      eps_loss_(std::fabs(static_cast<long double>(eps_) -
                          static_cast<long double>(std::max(config.eps, dialect.eps_floor)))),
      outer_(x.shape[0]) {
  const FeatureCount features = feature_count(x.shape, dialect.axes);
  values_ = features.values;
  spatial_ = dialect.axes == Axes::per_activation ? 1 : values_ / std::max<std::int64_t>(outer_, 1);
  count_ = features.features;
  if (values_ == 0) return;
  if (uses_batch && dialect.saved != Saved::none) {
    stored_ = {format_of(dtype_of_vectors(before, x.dtype)), dialect.saved == Saved::mean_var};
  }
  all_.resize(static_cast<std::size_t>(count_));
  for (std::int64_t c = 0; c < count_; ++c) {
    Channel& channel = all_[static_cast<std::size_t>(c)];
    channel.weight = element_or(before.weight, c, 1);
    channel.bias = element_or(before.bias, c, 0);
  }
  if (uses_batch) {
    prepare_batch(x);
  } else {
    prepare_given(before);
  }
}

Statistics Channels::normalising_statistics(const BatchSums& batch) const {
  const Dyadic n = Dyadic::of(batch.n);
  if (dialect_.normalising_variance == Correction::population) return {n, batch.sum, batch.spread};
  // σ²·n/(n−1) = spread / (n(n−1)) = spread·n(n−1) / (n(n−1))²
  const Dyadic less = Dyadic::of(batch.n - 1);
  return {n * less, batch.sum * less, batch.spread * n * less};
}

void Channels::prepare_batch(const Tensor& x) {
  ExactSums sums;
  for (std::int64_t c = 0; c < count(); ++c) {
    sums.clear();
    bool finite = true;
    for_each_element(c, [&](std::int64_t index) {
      const double value = element(x, index);
      finite = std::isfinite(value);
      if (!finite) return false;
      if (x.dtype == Dtype::f64) {
        sums.add(value);
      } else {
        sums.add(static_cast<float>(value));
      }
      return true;
    });
    Channel& channel = all_[static_cast<std::size_t>(c)];
    channel.batch = batch_sums(sums, finite);
    channel.batch.n = values_;
    if (finite) prepare_normaliser(channel);
  }
}

/// A single value with the unbiased variance 0/0 still has a mean, but nothing to normalise with.
void Channels::prepare_normaliser(Channel& channel) const {
  const BatchSums& batch = channel.batch;
  const bool single = batch.n == 1;
  const bool unbiased = dialect_.normalising_variance == Correction::unbiased;
  if (!(single && unbiased && dialect_.single_value == SingleValue::nan)) {
    channel.normaliser =
        Normaliser(single ? Statistics{one, batch.sum, batch.spread} : normalising_statistics(batch), eps_,
                   dialect_.eps_place);
    channel.scale = channel.normaliser.scale();
    channel.scale.eps_loss = eps_loss_;
    channel.scale.beta = static_cast<long double>(channel.bias);
  }
  const auto n = static_cast<long double>(batch.n);
  channel.scale.n = n;
  channel.scale.mean = batch.sum.approximate() / n;
  channel.scale.variance = batch.spread.approximate() / n / n;
  channel.scale.abs_mean = batch.abs_mean;
  channel.scale.unbiased_normalising = unbiased;
  channel.scale.stored = stored_;
}

void Channels::prepare_given(const State& before) {
  for (std::int64_t c = 0; c < count(); ++c) {
    Channel& channel = all_[static_cast<std::size_t>(c)];
    const double weight =
        dialect_.averaging == Averaging::ratio ? element_or(before.running_weight, 0, 1) : 1.0;
    const double mean = quotient_or_sum(element(*before.running_mean, c), weight);
    const double variance = quotient_or_sum(element(*before.running_var, c), weight);
    if (std::isnan(variance) || !std::isfinite(weight) || variance == -HUGE_VAL) continue;
    channel.infinite_variance = std::isinf(variance);
    if (!std::isfinite(mean)) channel.special_mean = mean;
    const Dyadic exact_mean = channel.special_mean ? Dyadic() : Dyadic::of(mean);
    const Dyadic exact_variance = Dyadic::of(channel.infinite_variance ? weight : variance);
    channel.normaliser = Normaliser(quotient_statistics(exact_mean, exact_variance, Dyadic::of(weight)), eps_,
                                    dialect_.eps_place);
    channel.scale = channel.normaliser.scale();
    channel.scale.eps_loss = eps_loss_;
    channel.scale.beta = static_cast<long double>(channel.bias);
    channel.scale.n = 1;
    if (channel.infinite_variance) channel.scale.invstd = 0;
    channel.scale.ratio_statistics = dialect_.averaging == Averaging::ratio;
  }
}

}  // namespace bncheck
