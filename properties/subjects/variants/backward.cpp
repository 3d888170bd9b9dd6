#include "subjects/variants/checks.hpp"
#include "subjects/variants/lapses.hpp"

namespace bncheck::variants {
namespace {

/// One channel, with everything that its gradient depends on.
struct Layer {
  const Reals& x;
  const Reals& dy;
  Real gamma, mean, invstd;
  bool batch;  ///< the statistics depend on x
  bool bias;   ///< the layer has a bias

  Real n() const { return Real::count(static_cast<std::int64_t>(x.size())); }
};

struct Gradient {
  Reals dx;
  Real dweight, dbias;
};

class ChannelGradient {
 public:
  ChannelGradient(const Differentiating& how, const Layer& layer, const Execution& exec, Lapse lapse)
      : how_(how), layer_(layer), exec_(exec), lapse_(lapse) {
    for (const Real x : layer.x) centred_.push_back(x - layer.mean);
  }

  Gradient all(bool dweight_wanted) const {
    Gradient gradient{{}, dweight(), dbias()};
    if (!layer_.batch && !how_.given_as_batch) {
      gradient.dx = with_given_statistics();
    } else if (how_.terms == GradientTerms::as_in_inference) {
      gradient.dx = with_given_statistics();
    } else {
      gradient.dx = with_batch_statistics(dweight_wanted);
    }
    return gradient;
  }

 private:
  /// Intermediate result, in float's range if the recipe is narrow.
  Real kept(Real value) const { return how_.narrow ? value.narrowed() : value; }
  Real normal(std::size_t i) const { return kept(centred_[i] * layer_.invstd); }
  template <class Term>
  Reals each(const Term& term) const {
    Reals values;
    values.reserve(layer_.x.size());
    for (std::size_t i = 0; i < layer_.x.size(); ++i) values.push_back(kept(term(i)));
    return values;
  }
  template <class Term>
  Real total(const Term& term) const {
    return kept(sum(each(term), how_.sums, exec_));
  }
  template <class Term>
  Real average(const Term& term) const {
    return kept(mean(each(term), how_.sums, exec_));
  }

  Real dweight() const {
    const Reals& dy = layer_.dy;
    if (lapse_ == Lapse::dweight_lost_if_small && !layer_.batch && Real(0x1p42f) < layer_.invstd) return 0.0f;
    switch (how_.dweight) {
      case WeightGradient::centred_only:
        return total([&](std::size_t i) { return dy[i] * centred_[i]; });
      case WeightGradient::uncentred:
        return total([&](std::size_t i) { return dy[i] * (layer_.x[i] * layer_.invstd); });
      case WeightGradient::with_gamma:
        return layer_.gamma * total([&](std::size_t i) { return dy[i] * normal(i); });
      case WeightGradient::normalised:
        break;
    }
    return total([&](std::size_t i) { return dy[i] * normal(i); });
  }
  Real dbias() const {
    const auto term = [&](std::size_t i) { return layer_.dy[i]; };
    return how_.dbias == BiasGradient::mean ? average(term) : total(term);
  }

  Reals with_given_statistics() const {
    if (lapse_ == Lapse::gamma_dy_narrow)
      return each([&](std::size_t i) { return (gamma() * layer_.dy[i]).narrowed() * layer_.invstd; });
    const Real scale = gamma() * layer_.invstd;
    return each([&](std::size_t i) { return scale * layer_.dy[i]; });
  }

  Reals with_batch_statistics(bool dweight_wanted) const {
    switch (how_.form) {
      case GradientForm::centred:
        return centred();
      case GradientForm::papers:
        return of_the_papers();
      case GradientForm::deltas:
        return through_deltas();
      case GradientForm::from_sums:
        return from_sums();
      case GradientForm::folded:
        return folded();
      case GradientForm::normalised:
        break;
    }
    return normalised(dweight_wanted);
  }

  Real gamma() const {
    const bool lacking = how_.terms == GradientTerms::no_gamma ||
                         (how_.terms == GradientTerms::no_gamma_without_bias && !layer_.bias);
    return lacking ? Real(1.0f) : layer_.gamma;
  }

  Reals normalised(bool dweight_wanted) const {
    const Reals& dy = layer_.dy;
    const bool lapses = lapse_ == Lapse::projection_lost_if_large && layer_.invstd < 0x1p-40f;
    const bool lacks_projection = how_.terms == GradientTerms::no_projection || lapses ||
                                  (how_.terms == GradientTerms::projection_if_dweight && !dweight_wanted);
    Real mean_dy;
    Real projection;
    if (how_.terms != GradientTerms::no_mean) mean_dy = average([&](std::size_t i) { return dy[i]; });
    if (!lacks_projection) projection = average([&](std::size_t i) { return dy[i] * normal(i); });
    if (how_.terms == GradientTerms::unbiased_projection) {
      projection = projection * layer_.n() / (layer_.n() - 1.0f);
    }
    Real scale = kept(gamma() * layer_.invstd);
    if (how_.terms == GradientTerms::invstd_squared) scale = scale * layer_.invstd;
    return each([&](std::size_t i) { return (dy[i] - mean_dy - normal(i) * projection) * scale; });
  }

  Reals centred() const {
    const Reals& dy = layer_.dy;
    const Real dot = total([&](std::size_t i) { return dy[i] * centred_[i]; });
    const Real k = kept(kept(kept(dot * layer_.invstd) * layer_.invstd) / layer_.n());
    const Real mean_dy = average([&](std::size_t i) { return dy[i]; });
    return each(
        [&](std::size_t i) { return (dy[i] - mean_dy - centred_[i] * k) * layer_.invstd * layer_.gamma; });
  }

  Reals of_the_papers() const {
    const Real factor = layer_.gamma * layer_.invstd / layer_.n();
    const Real projection = dweight();
    const Real sum_dy = dbias();
    return each([&](std::size_t i) {
      return factor * (layer_.n() * layer_.dy[i] - sum_dy - normal(i) * projection);
    });
  }

  Reals through_deltas() const {
    const Real h = layer_.invstd;
    const Reals delta = each([&](std::size_t i) { return layer_.dy[i] * layer_.gamma; });
    const Real mean_delta = total([&](std::size_t i) { return delta[i]; }) * h;
    const Real dot = total([&](std::size_t i) { return delta[i] * centred_[i]; });
    const Real variance_delta = dot * (h * h * h);
    return each([&](std::size_t i) {
      return delta[i] * h - variance_delta * centred_[i] / layer_.n() - mean_delta / layer_.n();
    });
  }

  Reals from_sums() const {
    const Real sum_dy = dbias();
    const Real projection = dweight();
    const Real scale = layer_.gamma * layer_.invstd;
    return each([&](std::size_t i) {
      return (layer_.dy[i] - (sum_dy + normal(i) * projection) / layer_.n()) * scale;
    });
  }

  Reals folded() const {
    const Real a = layer_.gamma * layer_.invstd;
    const Real b = Real(0.0f) - a * layer_.invstd * (dweight() / layer_.n());
    const Real c = Real(0.0f) - b * layer_.mean - a * (dbias() / layer_.n());
    return each([&](std::size_t i) { return a * layer_.dy[i] + (b * layer_.x[i] + c); });
  }

  const Differentiating& how_;
  const Layer& layer_;
  const Execution& exec_;
  Lapse lapse_;
  Reals centred_;
};

class BackwardPass {
 public:
  BackwardPass(const Recipe& recipe, const BackwardCall& call)
      : recipe_(recipe), call_(call), x_(seen(call.x, recipe.memory.x, call.x)) {
    View dy = call.dy;
    View dx = call.dx;
    // Where only the number of elements is checked, dy and dx may have another shape; they are taken as dense
    // tensors of x's shape.
    for (View* view : {&dy, &dx}) {
      if (view->exists() && view->shape != call.x.shape)
        *view = {view->data, call.x.shape, strides_of({}, call.x.shape), view->extent};
    }
    dy_ = seen(dy, recipe.memory.dy, call.x);
    dx_ = seen(dx, recipe.memory.dx, call.x);
  }

  void run() const {
    const std::vector<std::int64_t> x_offsets = channel_offsets(x_);
    const std::vector<std::int64_t> dy_offsets = channel_offsets(dy_);
    const std::vector<std::int64_t> dx_offsets =
        call_.dx.exists() ? channel_offsets(dx_) : std::vector<std::int64_t>{};
    for (std::int64_t c = 0; c < x_.shape[1]; ++c) {
      const Reals x = read_channel(x_, x_offsets, c);
      const Moments moments = lapsed_moments(moments_for(c, x), call_.uses_batch(), recipe_.lapse);
      const double eps = lapsed_eps(call_.config.eps, Pass::gradient, recipe_.lapse);
      Real invstd =
          root_of(moments.variance, eps, recipe_.differentiating.eps, recipe_.normalising.inversion).inverse;
      if (recipe_.differentiating.narrow) invstd = invstd.narrowed();
      if (recipe_.memory.dx_is_scratch && call_.dx.exists()) {
        Reals normal = x;
        for (Real& value : normal) value = (value - moments.mean) * invstd;
        write_dx(c, normal, dx_offsets);
      }
      Reals dy = read_channel(dy_, dy_offsets, c);
      for (Real& value : dy) value = lapsed_dy(value, recipe_.lapse);
      const bool scaled = call_.parameters.weight.exists();
      const Real gamma = scaled ? call_.parameters.weight[c] : Real(1.0f);
      const Layer layer{
          x, dy, gamma, moments.mean, invstd, call_.uses_batch(), call_.parameters.bias.exists()};
      const ChannelGradient gradient(recipe_.differentiating, layer, call_.exec, recipe_.lapse);
      write(c, gradient.all(call_.dweight.exists()), dx_offsets);
    }
  }

 private:
  Moments moments_for(std::int64_t channel, const Reals& x) const {
    if (!call_.uses_batch()) {
      return {call_.parameters.running_mean[channel], call_.parameters.running_var[channel]};
    }
    const Normalising& how = recipe_.normalising;
    return moments_of(x, recipe_.differentiating.moments.value_or(how.moments), how, call_.exec);
  }

  void write(std::int64_t channel, const Gradient& gradient, const std::vector<std::int64_t>& offsets) const {
    if (call_.dweight.exists()) call_.dweight.write(channel, gradient.dweight);
    if (call_.dbias.exists()) call_.dbias.write(channel, gradient.dbias);
    if (call_.dx.exists()) write_dx(channel, gradient.dx, offsets);
  }

  void write_dx(std::int64_t channel, const Reals& values, const std::vector<std::int64_t>& offsets) const {
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      dx_.write(offsets[i] + channel * dx_.strides[1], values[i]);
    }
  }

  const Recipe& recipe_;
  const BackwardCall& call_;
  View x_, dy_, dx_;
};

}  // namespace

void backward(const Recipe& recipe, const BackwardCall& call) {
  check_backward(call, recipe.checking);
  if (call.x.shape.size() < 2) return;
  if (!call.x.is_empty()) {
    BackwardPass(recipe, call).run();
    return;
  }
  if (recipe.differentiating.empty_unwritten) return;
  for (const View& sums : {call.dweight, call.dbias}) {
    for (std::int64_t c = 0; sums.exists() && c < call.config.num_features; ++c) sums.write(c, 0.0f);
  }
}

}  // namespace bncheck::variants
