#pragma once
/// x -> (x - mean) / sqrt(variance + eps), its variants in other dialects, and its derivative, exactly.

#include <memory>

#include "bncheck/attainable_error.hpp"
#include "bncheck/exact.hpp"

namespace bncheck {

/// Mean = location / divisor, variance = spread / divisor^2, all of them dyadic: the one form that batch
/// statistics (divisor n), given statistics (divisor 1) and quotients S/c share.
struct Statistics {
  Dyadic divisor, location, spread;
};

/// (a/sqrt(b) + c)/d with a = a_dy u - a_x v and c = c_dy u - c_x v, for u = n dy - Sum dy and v = n x - Sum
/// x: the gradient of one channel's elements, for gamma = 1.
struct GradientForm {
  Dyadic a_dy, a_x, c_dy, c_x, denominator;
  std::shared_ptr<const Radicand> root;  ///< null: rational, and a is 0

  ExactNumber value(double gamma, const Dyadic& u, const Dyadic& v) const;
};

/// x -> (x - mean) * factor, where factor is 1/sqrt(v + eps) or its variant in the dialect.
class Normaliser {
 public:
  /// An undefined one makes NaN of everything: v + eps <= 0, or statistics that are not numbers.
  Normaliser() = default;
  Normaliser(const Statistics& statistics, double eps, EpsPlace place);

  bool is_defined() const { return defined_; }
  // Preconditions of all that follow: defined, arguments finite.

  /// gamma * normalised x + beta.
  ExactNumber affine(double x, double gamma, double beta) const;
  /// Sign of x - mean, exact.
  int side(double x) const;
  ExactNumber factor() const;
  /// a b times the factor: the gradient gamma dy / sqrt(v + eps) where statistics are given.
  ExactNumber scaled_factor(double a, double b) const;
  /// Sum of dy times normalised x, from Sum dy x and Sum dy.
  ExactNumber projection(const Dyadic& sum_dy_x, const Dyadic& sum_dy) const;
  /// d/dx of Sum dy y over a batch of n values whose mean and variance these statistics are, with
  /// `correlation` = Sum dy (n x - Sum x); the variance's own divisor is q: n, or n-1 where it is unbiased.
  GradientForm gradient(std::int64_t n, std::int64_t q, const Dyadic& correlation) const;
  ExactNumber variance() const;
  /// Magnitudes of mean, variance and factor.
  ChannelScale scale() const;

 private:
  ExactNumber root_form(const Dyadic& numerator, double beta) const;
  GradientForm outside_gradient(const Dyadic& nq, const Dyadic& nnq, const Dyadic& correlation) const;

  bool defined_ = false;
  Statistics statistics_;
  double eps_ = 0;
  EpsPlace place_ = EpsPlace::inside;
  Dyadic shifted_eps_;                    ///< divisor * eps, for eps outside the root
  Dyadic norm_;                           ///< spread - (divisor eps)^2, for eps outside the root
  std::shared_ptr<const Radicand> root_;  ///< null where the factor is rational
};

}  // namespace bncheck
