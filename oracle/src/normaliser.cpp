#include <cmath>

#include "forward.hpp"

namespace bncheck {
namespace {
const Dyadic one{1, 0};
}

/// With mean = L/D, variance = W/D^2:
///   inside:  x^ = (D x - L) / sqrt(W + D^2 eps)
///   absent:  the same with eps = 0
///   outside: x^ = (D x - L) / (sqrt W + E), E = D eps, which is rationalised by sqrt W - E; where W = E^2 or
///            W = 0 the root is rational and there is nothing to rationalise.
Normaliser::Normaliser(const Statistics& statistics, double eps, EpsPlace place)
    : statistics_(statistics), eps_(place == EpsPlace::absent ? 0 : eps), place_(place) {
  const Dyadic& d = statistics_.divisor;
  const Dyadic& w = statistics_.spread;
  if (place_ != EpsPlace::outside) {
    Dyadic radicand = w + d * d * Dyadic::of(eps_);
    defined_ = radicand.sign() > 0;
    if (defined_) root_ = std::make_shared<const Radicand>(std::move(radicand));
    return;
  }
  shifted_eps_ = d * Dyadic::of(eps_);
  defined_ = w.sign() >= 0 && (w.sign() > 0 || shifted_eps_.sign() > 0);
  norm_ = w - shifted_eps_ * shifted_eps_;
  if (defined_ && w.sign() > 0 && norm_.sign() != 0) root_ = std::make_shared<const Radicand>(w);
}

/// numerator / (sqrt(W + D^2 eps)) + beta, or its form with eps outside.
ExactNumber Normaliser::root_form(const Dyadic& numerator, double beta) const {
  const Dyadic b = Dyadic::of(beta);
  if (place_ != EpsPlace::outside) return ExactNumber::quadratic(numerator, root_, b, one);
  const Dyadic& w = statistics_.spread;
  if (root_ == nullptr) {
    const Dyadic denominator = w.is_zero() ? shifted_eps_ : shifted_eps_ + shifted_eps_;
    return ExactNumber::rational(numerator + b * denominator, denominator);
  }
  return ExactNumber::quadratic(numerator * w, root_, b * norm_ - numerator * shifted_eps_, norm_);
}

ExactNumber Normaliser::affine(double x, double gamma, double beta) const {
  const Dyadic centred = statistics_.divisor * Dyadic::of(x) - statistics_.location;
  return root_form(Dyadic::of(gamma) * centred, beta);
}

int Normaliser::side(double x) const {
  return compare(statistics_.divisor * Dyadic::of(x), statistics_.location);
}

ExactNumber Normaliser::factor() const {
  return root_form(statistics_.divisor, 0);
}

ExactNumber Normaliser::variance() const {
  return ExactNumber::rational(statistics_.spread, statistics_.divisor * statistics_.divisor);
}

ChannelScale Normaliser::scale() const {
  ChannelScale scale;
  const long double d = statistics_.divisor.approximate();
  scale.mean = statistics_.location.approximate() / d;
  scale.variance = statistics_.spread.approximate() / d / d;
  scale.eps_place = place_;
  if (!defined_) return scale;
  scale.invstd = place_ == EpsPlace::outside
                     ? 1 / (std::sqrt(scale.variance) + static_cast<long double>(eps_))
                     : d / root_->root;
  return scale;
}

}  // namespace bncheck
