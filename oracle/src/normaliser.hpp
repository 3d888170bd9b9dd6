#pragma once
/// The map x → (x − mean)/√(variance + ε), its variants in other dialects, and its derivative, exactly.

#include <memory>

#include "bncheck/attainable_error.hpp"
#include "bncheck/exact.hpp"

namespace bncheck {

/// Statistics as dyadic numbers: mean = location / divisor, variance = spread / divisor². Batch statistics
/// (divisor n), given statistics (divisor 1) and quotients S/c all have this form.
struct Statistics {
  Dyadic divisor, location, spread;
};

/// Gradient of one channel's elements for γ = 1: (a/√b + c)/d with a = a_dy·u − a_x·v and c = c_dy·u − c_x·v,
/// where u = n·dy − Σdy and v = n·x − Σx.
struct GradientForm {
  Dyadic a_dy, a_x, c_dy, c_x, denominator;
  std::shared_ptr<const Radicand> root;  ///< null: the gradient is rational, and a is 0

  ExactNumber value(double gamma, const Dyadic& u, const Dyadic& v) const;
};

/// The map x → (x − mean)·factor, where factor is 1/√(v + ε) or its variant in the dialect.
class Normaliser {
 public:
  /// Undefined normaliser, whose results are NaN: for v + ε <= 0, or statistics that are not numbers.
  Normaliser() = default;
  Normaliser(const Statistics& statistics, double eps, EpsPlace place);

  bool is_defined() const { return defined_; }
  /// Whether there are a mean and a variance, also where V = v + ε <= 0.
  bool has_statistics() const { return !statistics_.divisor.is_zero(); }
  ExactNumber variance() const;  ///< precondition: has_statistics()
  // Preconditions of all functions below: the normaliser is defined, arguments are finite.

  /// γ·x̂ + β.
  ExactNumber affine(double x, double gamma, double beta) const;
  /// Sign of x − mean, exact.
  int side(double x) const;
  ExactNumber factor() const;
  /// a·b·factor: the gradient γ·dy/√(v + ε) where statistics are given.
  ExactNumber scaled_factor(double a, double b) const;
  /// Σdy·x̂, from Σdy·x and Σdy.
  ExactNumber projection(const Dyadic& sum_dy_x, const Dyadic& sum_dy) const;
  /// Derivative of Σdy·y by x over a batch of n values with these statistics. `correlation` = Σdy·(n·x − Σx).
  /// q is the divisor of the variance: n, or n − 1 where it is unbiased.
  GradientForm gradient(std::int64_t n, std::int64_t q, const Dyadic& correlation) const;
  /// Magnitudes of mean, variance and factor.
  ChannelScale scale() const;

 private:
  ExactNumber root_form(const Dyadic& numerator, double beta) const;
  GradientForm outside_gradient(const Dyadic& nq, const Dyadic& nnq, const Dyadic& correlation) const;

  bool defined_ = false;
  Statistics statistics_;
  double eps_ = 0;
  EpsPlace place_ = EpsPlace::inside;
  Dyadic shifted_eps_;                    ///< divisor·ε, for ε outside the root
  Dyadic norm_;                           ///< spread − (divisor·ε)², for ε outside the root
  std::shared_ptr<const Radicand> root_;  ///< null where the factor is rational
};

}  // namespace bncheck
