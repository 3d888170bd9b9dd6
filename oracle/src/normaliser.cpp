#include "normaliser.hpp"

#include <cmath>

namespace bncheck {
namespace {
const Dyadic one{1, 0};
}

/// With mean = L/D and variance = W/D²:
///   inside:  x̂ = (D·x − L) / √(W + D²ε)
///   absent:  the same with ε = 0
///   outside: x̂ = (D·x − L) / (√W + E), E = D·ε, rationalised by √W − E. Where W = E² or W = 0, the root is
///            rational and needs no rationalising.
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

/// numerator / √(W + D²ε) + β, or the same with ε outside the root.
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

ExactNumber Normaliser::scaled_factor(double a, double b) const {
  return root_form(Dyadic::of(a) * Dyadic::of(b) * statistics_.divisor, 0);
}

/// Σdy·(D·x − L) / root.
ExactNumber Normaliser::projection(const Dyadic& sum_dy_x, const Dyadic& sum_dy) const {
  return root_form(statistics_.divisor * sum_dy_x - statistics_.location * sum_dy, 0);
}

/// With x̂ = (x − μ)·h, where μ and h are functions of all x:
///   dx = γ·[h·(dy − Σdy/n) − k·(x − μ)·Σdy(x − μ)/q],  k = −(dh/dσ)/σ,
/// because dσ²/dx = 2(x − μ)/q. With u, v (see GradientForm) and T = correlation this is
///   dx = γ/n·[h·u − k·v·T/(n·q)].
/// inside: h = D/r and k = h³, with r = √R and R = W + D²ε:
///   dx = γ·D·[R·n·q·u − D²·T·v] / (n²·q·R·r)
///   and for the population variance, where D = q = n: γ·[R·u − T·v] / (R·r).
GradientForm Normaliser::gradient(std::int64_t n, std::int64_t q, const Dyadic& correlation) const {
  const Dyadic& d = statistics_.divisor;
  const Dyadic nq = Dyadic::of(n) * Dyadic::of(q);
  const Dyadic nnq = Dyadic::of(n) * nq;
  if (place_ == EpsPlace::outside) return outside_gradient(nq, nnq, correlation);
  const Dyadic& radicand = root_->value;
  if (n == q && compare(d, Dyadic::of(n)) == 0) return {radicand, correlation, {}, {}, radicand, root_};
  return {d * radicand * nq, d * d * d * correlation, {}, {}, nnq * radicand, root_};
}

/// outside: h = D/(r + E), k = h²·D/r, r = √W, E = D·ε. With N = W − E²,
///   1/(r + E) = (W/r − E)/N and 1/((r + E)²·r) = ((W + E²)/r − 2E)/N².
/// Where W = 0, all x equal the mean and k does not matter. Where N = 0, r is E.
GradientForm Normaliser::outside_gradient(const Dyadic& nq, const Dyadic& nnq,
                                          const Dyadic& correlation) const {
  const Dyadic& d = statistics_.divisor;
  const Dyadic& w = statistics_.spread;
  const Dyadic& e = shifted_eps_;
  const Dyadic two{1, 1};
  const Dyadic ddd_t = d * d * d * correlation;
  if (root_ == nullptr) {
    const Dyadic four_e_cubed = two * two * e * e * e;
    if (w.is_zero()) return {{}, {}, d * nq, {}, nnq * e, nullptr};
    return {{}, {}, d * two * e * e * nq, ddd_t, nnq * four_e_cubed, nullptr};
  }
  const Dyadic d_n_nq = d * norm_ * nq;
  return {d_n_nq * w, ddd_t * (w + e * e), -(d_n_nq * e), -(ddd_t * two * e), nnq * norm_ * norm_, root_};
}

ExactNumber GradientForm::value(double gamma, const Dyadic& u, const Dyadic& v) const {
  const Dyadic g = Dyadic::of(gamma);
  if (root == nullptr) return ExactNumber::rational(g * (c_dy * u - c_x * v), denominator);
  Dyadic c;
  if (!c_dy.is_zero() || !c_x.is_zero()) c = g * (c_dy * u - c_x * v);
  return ExactNumber::quadratic(g * (a_dy * u - a_x * v), root, std::move(c), denominator);
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
