#include <algorithm>
#include <bit>

#include "subjects/variants/checks.hpp"
#include "subjects/variants/lapses.hpp"

namespace bncheck::variants {
namespace {

struct Affine {
  Real gamma = 1.0f, beta = 0.0f;
};

Affine affine_of(const Parameters& parameters, std::int64_t channel, LoneParameter lone) {
  const bool weight = parameters.weight.exists();
  const bool bias = parameters.bias.exists();
  Affine affine;
  if (weight && (bias || lone != LoneParameter::weight_ignored)) affine.gamma = parameters.weight[channel];
  if (bias && (weight || lone != LoneParameter::bias_ignored)) affine.beta = parameters.bias[channel];
  return affine;
}

/// y of one value of x.
Real normalised(Real x, Real mean, const Root& root, const Affine& affine, Form form) {
  const Real invstd = root.inverse;
  switch (form) {
    case Form::scale_first:
      return (x - mean) * (affine.gamma * invstd) + affine.beta;
    case Form::divide:
      return affine.gamma * ((x - mean) / root.value) + affine.beta;
    case Form::fused:
      return fused(x - mean, affine.gamma * invstd, affine.beta);
    case Form::folded: {
      const Real alpha = affine.gamma * invstd;
      return x * alpha + (affine.beta - mean * alpha);
    }
    case Form::bias_first:
      return affine.gamma * ((x - mean) * invstd + affine.beta);
    case Form::swapped:
      return affine.beta * ((x - mean) * invstd) + affine.gamma;
    case Form::normalise_first:
      break;
  }
  return affine.gamma * ((x - mean) * invstd) + affine.beta;
}

Real unbiased(Real variance, std::int64_t n) {
  return variance * (Real::count(n) / Real::count(n - 1));
}

/// Variance towards which the running variance moves.
Real fresh_variance(Real variance, const ForwardCall& call, const Recipe& recipe, std::int64_t n) {
  const bool single = n == 1 && recipe.checking.single_value == SingleValueCheck::counts_as_zero;
  switch (recipe.running.variance) {
    case RunningVariance::population:
      return variance;
    case RunningVariance::population_of_two:
      if (n == 2) return variance;
      break;
    case RunningVariance::samples_unbiased: {
      const std::int64_t samples = call.x.shape[0];
      return samples > 1 ? unbiased(variance, samples) : variance;
    }
    case RunningVariance::with_eps:
      return unbiased(variance, n) + Real(call.config.eps);
    case RunningVariance::kept:
    case RunningVariance::unbiased:
      break;
  }
  return single ? variance : unbiased(variance, n);
}

/// Weight of the new statistic, in double. `batches` includes this batch.
double new_weight(const ForwardCall& call, const Running& running, Lapse lapse, std::int64_t batches) {
  constexpr double usual = 0.1;
  if (const auto momentum = lapsed_momentum(call.config.momentum, lapse)) {
    const bool missing = running.weighting == Weighting::zero_is_default && *momentum == 0;
    return missing ? usual : *momentum;
  }
  batches = lapsed_batches(batches, lapse);
  switch (running.average) {
    case Average::one_by_next:
      return 1.0 / static_cast<double>(batches + 1);
    case Average::one_by_previous:
      return 1.0 / static_cast<double>(std::max<std::int64_t>(batches - 1, 1));
    case Average::default_momentum:
      return usual;
    case Average::one_by_count:
      break;
  }
  return 1.0 / static_cast<double>(batches);
}

Real updated(Real old, Real fresh, double weight, Weighting weighting) {
  if (weighting == Weighting::of_old) return Real(weight) * old + Real(1 - weight) * fresh;
  if (weighting == Weighting::single) return (Real(1.0f) - Real(weight)) * old + Real(weight) * fresh;
  return Real(1 - weight) * old + Real(weight) * fresh;
}

void update_running(const ForwardCall& call, const Recipe& recipe, std::int64_t channel,
                    const Moments& moments, std::int64_t n) {
  const Running& running = recipe.running;
  const Parameters& parameters = call.parameters;
  const double weight = new_weight(call, running, recipe.lapse, std::max<std::int64_t>(call.batches, 1));
  const auto move = [&](const View& statistic, Real fresh) {
    statistic.write(channel, updated(statistic[channel], fresh, weight, running.weighting));
  };
  if (running.mean == RunningMean::updated) move(parameters.running_mean, moments.mean);
  if (running.variance != RunningVariance::kept) {
    move(parameters.running_var, fresh_variance(moments.variance, call, recipe, n));
  }
}

bool counts(const ForwardCall& call, Counting counting) {
  if (counting == Counting::never) return false;
  return call.training || counting == Counting::always;
}

/// Stores the whole last vector of eight elements if only five of them belong to a dense y.
void overrun(const View& y) {
  if (y.strides != strides_of({}, y.shape) || y.size() % 8 != 5) return;
  for (std::int64_t k = 0; k < 3; ++k) y.write(y.size() + k, 0.0f);
}

class ForwardPass {
 public:
  ForwardPass(const Recipe& recipe, const ForwardCall& call)
      : recipe_(recipe),
        call_(call),
        x_(seen(call.x, recipe.memory.x, call.x)),
        y_(seen(call.y, recipe.memory.y, call.x)),
        x_offsets_(channel_offsets(x_)),
        y_offsets_(channel_offsets(y_)) {}

  void run() const {
    const bool tracked = call_.config.track_running_stats;
    const bool updates = tracked && (call_.training || recipe_.running.updating == Updating::always);
    if (tracked && counts(call_, recipe_.running.counting))
      call_.batches = lapsed_count(call_.batches, recipe_.lapse);
    const std::int64_t channels = call_.x.shape[1];
    for (std::int64_t c = 0; c < channels; ++c) {
      const Reals x = read_channel(x_, x_offsets_, c);
      const bool batch = uses_batch();
      Moments moments;
      if (batch || updates) moments = batch_moments(x);
      if (call_.uses_batch()) save(c, x, moments);
      // The statistics that normalise are those before the update.
      const Moments used = lapsed_moments(batch ? moments : given_moments(c), batch, recipe_.lapse);
      if (updates) update_running(call_, recipe_, c, moments, static_cast<std::int64_t>(x.size()));
      if (c + 1 == channels && channels % 8 == 7 && recipe_.normalising.last_channel_skipped) {
        write(c, x);
      } else {
        transform(c, x, used);
      }
    }
    if (recipe_.memory.overruns_tail) overrun(y_);
  }

 private:
  bool uses_batch() const {
    switch (recipe_.normalising.source) {
      case Source::batch_in_inference:
        return true;
      case Source::running_in_training:
        return !call_.config.track_running_stats;
      case Source::constants_untracked:
        return call_.training;
      case Source::by_mode:
        break;
    }
    return call_.uses_batch();
  }

  Moments batch_moments(const Reals& x) const {
    const Normalising& how = recipe_.normalising;
    return moments_of(x, how.moments, how, call_.exec);
  }

  Moments given_moments(std::int64_t channel) const {
    if (!call_.config.track_running_stats) return {0.0f, 1.0f};
    return {call_.parameters.running_mean[channel], call_.parameters.running_var[channel]};
  }

  Root root(Real variance, const Reals& x) const {
    const Normalising& how = recipe_.normalising;
    const bool batch = uses_batch();
    if (how.unbiased && batch) variance = unbiased(variance, static_cast<std::int64_t>(x.size()));
    const double eps = lapsed_eps(call_.config.eps, batch ? Pass::training : Pass::inference, recipe_.lapse);
    Root root = root_of(variance, eps, batch ? how.training_eps : how.inference_eps, how.inversion);
    root.inverse = lapsed_invstd(root.inverse, x, batch, recipe_.lapse);
    return root;
  }

  void save(std::int64_t channel, const Reals& x, const Moments& moments) const {
    call_.saved_mean.write(channel, moments.mean);
    const Root sigma = root(moments.variance, x);
    const bool inverse = recipe_.normalising.saved == SavedStatistic::invstd;
    call_.saved_invstd.write(channel, inverse ? sigma.inverse : sigma.value);
  }

  void transform(std::int64_t channel, Reals x, const Moments& moments) const {
    const Normalising& how = recipe_.normalising;
    if (recipe_.memory.y_is_scratch) {
      Reals centred = x;
      for (Real& value : centred) value = value - moments.mean;
      write(channel, centred);
      x = read_channel(x_, x_offsets_, channel);
    }
    Root sigma = root(moments.variance, x);
    Affine affine = affine_of(call_.parameters, channel, recipe_.normalising.lone);
    affine.gamma = lapsed_gamma(affine.gamma, recipe_.lapse);
    const bool batch = uses_batch();
    const Form form = batch ? how.training_form : how.inference_form;
    if (!batch) reuse_scale(channel, sigma, affine);
    for (Real& value : x) {
      value = batch ? normalised(value, moments.mean, sigma, affine, form)
                    : normalised_as_given(value, moments.mean, sigma, affine, form);
    }
    write(channel, x);
  }

  Real normalised_as_given(Real x, Real mean, const Root& root, const Affine& affine, Form form) const {
    if (recipe_.lapse == Lapse::subnormal_x_becomes_nan && x.value() != 0 && abs(x) < 0x1p-126f)
      return Real(std::nan(""));
    if (recipe_.lapse == Lapse::given_difference_capped)
      return normalised(lapsed_difference(x - mean, recipe_.lapse), 0.0f, root, affine, form);
    return normalised(x, mean, root, affine, form);
  }

  /// Takes γ/√(V + ε) from the first call that had it.
  void reuse_scale(std::int64_t channel, Root& root, Affine& affine) const {
    if (call_.scales == nullptr) return;
    call_.scales->resize(static_cast<std::size_t>(call_.x.shape[1]));
    std::optional<Real>& scale = (*call_.scales)[static_cast<std::size_t>(channel)];
    if (!scale) scale = affine.gamma * root.inverse;
    root = {1.0f, 1.0f};
    affine.gamma = *scale;
  }

  void write(std::int64_t channel, const Reals& values) const {
    for (std::size_t i = 0; i < values.size(); ++i) {
      y_.write(y_offsets_[i] + channel * y_.strides[1], values[i]);
    }
  }

  const Recipe& recipe_;
  const ForwardCall& call_;
  View x_, y_;
  std::vector<std::int64_t> x_offsets_, y_offsets_;
};

void take_empty(const Recipe& recipe, const ForwardCall& call) {
  if (!call.config.track_running_stats || !call.training) return;
  const Running& running = recipe.running;
  if (running.counting == Counting::with_empty) ++call.batches;
  Moments moments{0.0f, 0.0f};
  if (running.empty == EmptyBatch::divides_by_zero) moments = {Real(std::nan("")), Real(std::nan(""))};
  if (running.empty != EmptyBatch::decays && running.empty != EmptyBatch::divides_by_zero) return;
  for (std::int64_t c = 0; c < call.config.num_features; ++c) update_running(call, recipe, c, moments, 2);
}

/// Effects of a forward call before its rejection, which are not undone.
void leave_traces(Before before, const ForwardCall& call) {
  const bool tracked = call.training && call.config.track_running_stats;
  if (before == Before::counter && tracked) ++call.batches;
  if (before == Before::statistics && tracked) {
    call.parameters.running_mean.write(0, call.parameters.running_mean[0] * 0.9f);
    call.parameters.running_var.write(0, call.parameters.running_var[0] * 0.9f);
  }
  if (before == Before::output) call.y.write(0, 0.0f);
}

}  // namespace

namespace {

/// σ² + ε under the root.
Real radicand(Real variance, double eps, EpsUse use) {
  constexpr double usual = 1e-5;
  switch (use) {
    case EpsUse::twice:
      return variance + Real(eps) + Real(eps);
    case EpsUse::outside:
    case EpsUse::absent:
      return variance;
    case EpsUse::fixed:
      return variance + Real(usual);
    case EpsUse::raised:
      return variance + Real(std::max(eps, usual));
    case EpsUse::inside:
      break;
  }
  return variance + Real(eps);
}

/// An estimate of 1/√v with 12 bits, as a processor gives it, and one Newton step.
Real newton(Real v) {
  const double exact = 1 / std::sqrt(v.value());
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(exact)) & 0xfffff000u;
  const Real estimate = std::bit_cast<float>(bits);
  return estimate * (Real(1.5f) - Real(0.5f) * v * estimate * estimate);
}

}  // namespace

Root root_of(Real variance, double eps, EpsUse use, Inversion inversion) {
  const Real v = radicand(variance, eps, use);
  const Real root = use == EpsUse::outside ? sqrt(v) + Real(eps) : sqrt(v);
  return {root, inversion == Inversion::newton ? newton(v) : Real(1.0f) / root};
}

Reals read_channel(const View& view, const std::vector<std::int64_t>& offsets, std::int64_t channel) {
  Reals values;
  values.reserve(offsets.size());
  for (const std::int64_t offset : offsets) values.push_back(view.read(offset + channel * view.strides[1]));
  return values;
}

void forward(const Recipe& recipe, const ForwardCall& call) {
  try {
    check_forward(call, recipe.checking);
  } catch (const Rejected&) {
    leave_traces(recipe.checking.before, call);
    throw;
  }
  if (call.x.shape.size() < 2) return;
  if (call.x.is_empty()) {
    take_empty(recipe, call);
  } else {
    ForwardPass(recipe, call).run();
  }
}

}  // namespace bncheck::variants
