#include "bncheck/attainable_error.hpp"

#include <algorithm>
#include <cmath>

#include "limits.hpp"

namespace bncheck {
namespace {

/// What statistics lose where they wait in their stored form. Formats of the arithmetic's precision or more
/// take nothing that is not counted elsewhere.
bool loses_in_store(const ChannelScale& c, const Numerics& numerics) {
  return c.stored && c.stored->format.precision < precision_of(numerics).bits;
}
long double stored_error(const ChannelScale& c, const Numerics& numerics, long double size) {
  return loses_in_store(c, numerics) ? half_ulp(c.stored->format, size) : 0;
}
/// A computed number of at most this size is not rounded to infinity.
bool fits_store(const ChannelScale& c, const Numerics& numerics, long double size) {
  if (!loses_in_store(c, numerics)) return true;
  const FloatFormat& format = c.stored->format;
  return size < std::ldexp(2 - std::ldexp(1.0L, -format.precision), 1 - format.min_exponent);
}

/// The computed mean: summation_depth roundings of partial sums, each at most Sum|x|, then the division and
/// the rounding of the stored mean.
long double computed_mean_error(const ChannelScale& c, const Numerics& numerics) {
  return unit(numerics) * (summation_depth(numerics.summation, c.n) + 2) * c.abs_mean;
}
/// The mean that is used, which may have been rounded to a narrower format.
long double mean_error(const ChannelScale& c, const Numerics& numerics) {
  const long double error = computed_mean_error(c, numerics);
  return error + stored_error(c, numerics, std::fabs(c.mean) + error);
}

/// The computed population variance: subtraction and squaring 2 x (x - mu), which is 3u relative to each
/// term, the division 1, the sum's depth; a mean that is off by d adds d^2, for the deviations from the true
/// mean sum to zero. Welford's update multiplies deviations from two different running means, so that there
/// an error d of the mean counts once per term, 2 d |x - mu|, whose mean is at most 2 d sigma (Cauchy,
/// Schwarz). The mean that deviations are taken from is no stored one.
long double variance_error(const ChannelScale& c, const Numerics& numerics) {
  const long double d = computed_mean_error(c, numerics);
  const long double updating = numerics.summation == Summation::welford ? 2 * d * std::sqrt(c.variance) : 0;
  return (summation_depth(numerics.summation, c.n) + 4) * unit(numerics) * c.variance + d * d + updating;
}

/// Relative error of the normalising factor that an error `dv` of the variance causes.
/// Inside the root: half of dv/(v+eps), that is dv h^2/2. Outside: |sqrt(v+dv) - sqrt(v)| <= min(dv/(2
/// sqrt(v)), sqrt(dv)), relative to sqrt(v)+eps.
long double invstd_error_from(long double dv, const ChannelScale& c) {
  if (c.eps_place == EpsPlace::inside) return dv * c.invstd * c.invstd / 2;
  const long double root = std::sqrt(c.variance);
  const long double moved = root > 0 ? std::min(dv / (2 * root), std::sqrt(dv)) : std::sqrt(dv);
  return moved * c.invstd;
}

/// The channel with the variance that it normalises with, and the error of that.
struct NormalisingVariance {
  ChannelScale channel;
  long double error;
};
NormalisingVariance normalising_variance(ChannelScale c, const Numerics& numerics) {
  long double error = variance_error(c, numerics);
  if (c.unbiased_normalising && c.n > 1) {
    const long double correction = c.n / (c.n - 1);
    c.variance *= correction;
    error *= correction;
  }
  if (c.stored && c.stored->as_variance) error += stored_error(c, numerics, c.variance + error);
  return {c, error};
}

/// kappa, the relative error of gamma h (x - mu) for an exact mean: x - mu 1, v + eps 1/2, eps as a float
/// 1/2, root 1, reciprocal 1, gamma h 1, product 1, and 2 for a reciprocal square root estimate with a Newton
/// step; a variance with n-1 instead of n takes two more operations. Where the error dv of the variance is
/// not small beside V = v + eps, the computed factor may exceed h by more than the first-order term, but V
/// comes out as V - dv at least, and as eps at least. (Welford's recurrence finds a variance of 0 for two
/// neighbouring numbers whose mean rounds to the second.) Infinite where both ends are 0: nothing is promised
/// then. eps is a difference here, of which rounding would leave something where eps is nothing. An invstd
/// that was stored in a narrower format has lost half an ulp of that.
long double kappa(const ChannelScale& scale, const Numerics& numerics) {
  const auto [c, dv] = normalising_variance(scale, numerics);
  const long double roundings = (c.unbiased_normalising ? 10 : 8) * unit(numerics);
  if (!(c.invstd > 0)) return roundings;
  const bool outside = c.eps_place == EpsPlace::outside;
  const long double whole = outside ? 1 / c.invstd : 1 / (c.invstd * c.invstd);
  const long double difference = whole - (outside ? std::sqrt(c.variance) : c.variance);
  const long double eps = difference > 0x1p-50L * whole ? difference : 0;
  const long double rest = std::max(c.variance - dv, 0.0L);
  const long double least = outside ? std::sqrt(rest) + eps : rest + eps;
  const long double growth = (outside ? whole / least : std::sqrt(whole / least)) - 1;
  const long double relative = roundings + std::max(growth, invstd_error_from(dv, c));
  if (!c.stored || c.stored->as_variance) return relative;
  return relative + stored_error(c, numerics, c.invstd * (1 + relative)) / c.invstd;
}

/// Second-order terms of all bounds.
constexpr long double second_order = 1.01L;

/// A bound that is itself beyond the largest number promises nothing: infinite, or 0 times infinite.
Slack bound(long double amount, const Numerics& numerics, bool in_range, long double folding = 0) {
  if (std::isnan(amount)) amount = HUGE_VALL;
  return {second_order * amount, folding, in_range && amount <= largest(numerics)};
}

/// alpha x + (beta - mean alpha): the products alpha x and alpha mean are rounded, and so is the difference
/// beta - mean alpha, of at most both sizes; the last sum's rounding is the result's own.
long double folding_error(const ChannelScale& c, const Numerics& numerics, long double gamma, long double x) {
  const long double alpha = std::fabs(gamma) * c.invstd;
  return second_order * unit(numerics) * (2 * alpha * (std::fabs(x) + std::fabs(c.mean)) + std::fabs(c.beta));
}

/// The computed sum of squares may be off by n times the variance's error: where that overflows, a constant
/// channel whose exact variance is 0 may end as infinite.
bool squares_in_range(const ChannelScale& c, const Numerics& numerics) {
  return representable(c.n * c.variance, numerics) && c.n * variance_error(c, numerics) <= largest(numerics);
}

/// The computed statistics are finite where they are stored.
bool statistics_fit(const ChannelScale& c, const Numerics& numerics) {
  if (!loses_in_store(c, numerics)) return true;
  const long double second =
      c.stored->as_variance ? c.variance + variance_error(c, numerics) : c.invstd * (1 + kappa(c, numerics));
  return fits_store(c, numerics, std::fabs(c.mean) + computed_mean_error(c, numerics)) &&
         fits_store(c, numerics, second);
}

bool batch_in_range(const ChannelScale& c, const Numerics& numerics) {
  const long double v = c.invstd > 0 ? 1 / (c.invstd * c.invstd) : 0;
  return statistics_fit(c, numerics) && representable(v, numerics) && squares_in_range(c, numerics) &&
         representable(c.n * c.abs_mean, numerics);
}

bool element_in_range(const ChannelScale& c, const Numerics& numerics, long double gamma, long double x,
                      long double product) {
  // Both bracketings, (gamma (x - mu)) h and gamma ((x - mu) h), must have their intermediate results.
  const long double centred = x - c.mean;
  return representable(centred, numerics) && representable(gamma * c.invstd, numerics) &&
         representable(product, numerics) && representable(centred * c.invstd, numerics) &&
         representable(gamma * centred, numerics);
}

}  // namespace

Precision precision_of(const Numerics& numerics) {
  return {is_double(numerics) ? 53 : 24, unit(numerics), stored_underflow(numerics)};
}

long double half_ulp(const FloatFormat& format, long double size) {
  const int exponent = size > 0 ? std::max(std::ilogb(size), format.min_exponent) : format.min_exponent;
  return std::ldexp(1.0L, exponent - format.precision);
}

/// Naive: n-1. Blocked: sixteen sequential additions, then a tree: 15 + ceil(log2(n/16)) = 11 + ceil(log2 n).
/// Compensated: 2u, and n^2 u^2 that second_order pays for. Wide: roundings of a format wider than the
/// arithmetic vanish beside u.
long double summation_depth(Summation summation, long double n) {
  switch (summation) {
    case Summation::naive:
      return n - 1;
    case Summation::compensated:
      return 2;
    case Summation::wide:
      return 0;
    case Summation::welford:
    case Summation::blocked:
      break;
  }
  return n <= 16 ? std::max(n - 1, 0.0L) : 11 + std::ceil(std::log2(n));
}

/// Given mean and variance: the eight roundings of kappa, and nothing else.
Slack slack_inference_y(const ChannelScale& c, const Numerics& numerics, long double gamma, long double x,
                        long double product) {
  const long double u = unit(numerics);
  const long double centred = x - c.mean;
  long double amount = 8 * u * std::fabs(product) + underflow_unit(numerics) * (1 + std::fabs(centred));
  if (c.ratio_statistics) {
    // mean and variance are quotients S/c, each rounded once.
    amount += u * std::fabs(gamma * c.invstd * c.mean) + u * std::fabs(product) / 2;
  }
  const long double v = c.invstd > 0 ? 1 / (c.invstd * c.invstd) : 0;
  return bound(amount, numerics,
               representable(v, numerics) && element_in_range(c, numerics, gamma, x, product),
               folding_error(c, numerics, gamma, x));
}

/// The mean's error passes through gamma h, with the h that was computed; all else is relative to the
/// product.
Slack slack_training_y(const ChannelScale& c, const Numerics& numerics, long double gamma, long double x,
                       long double product) {
  const long double relative = kappa(c, numerics);
  const long double amount = std::fabs(gamma) * c.invstd * (1 + relative) * mean_error(c, numerics) +
                             std::fabs(product) * relative +
                             underflow_unit(numerics) * (1 + std::fabs(x - c.mean));
  return bound(amount, numerics,
               batch_in_range(c, numerics) && element_in_range(c, numerics, gamma, x, product),
               folding_error(c, numerics, gamma, x));
}

Slack slack_mean(const ChannelScale& c, const Numerics& numerics) {
  return bound(mean_error(c, numerics), numerics, representable(c.n * c.abs_mean, numerics));
}

/// The unbiased variance is the population's times n/(n-1): a quotient and a product more.
Slack slack_variance(const ChannelScale& c, const Numerics& numerics, bool unbiased) {
  const long double u = unit(numerics);
  long double amount = variance_error(c, numerics);
  if (unbiased && c.n > 1) amount = amount * c.n / (c.n - 1) + 2 * u * c.variance * c.n / (c.n - 1);
  return bound(amount, numerics, squares_in_range(c, numerics) && representable(c.n * c.abs_mean, numerics));
}

Slack slack_invstd(const ChannelScale& c, const Numerics& numerics) {
  return bound(c.invstd * kappa(c, numerics), numerics, batch_in_range(c, numerics));
}

/// The statistic's own error and its rounding to float, weighted; 1-m, two products and a sum on the rest: no
/// term meets more than three roundings. Each product may underflow.
Slack slack_running(const Slack& statistic, const Numerics& numerics, long double old_term,
                    long double fresh_weight, long double s) {
  const long double u = unit(numerics);
  const long double own = statistic.amount + u * std::fabs(s) + stored_underflow(numerics);
  const long double fresh_term = fresh_weight * s;
  const long double amount = std::fabs(fresh_weight) * own +
                             3 * u * (std::fabs(old_term) + std::fabs(fresh_term)) +
                             2 * underflow_unit(numerics);
  return bound(
      amount, numerics,
      statistic.in_range && representable(old_term, numerics) && representable(fresh_term, numerics));
}

namespace {

/// Products and quotients may leave the range at both ends; a sum or difference only at the upper one, for a
/// small one is exact.
bool below_overflow(long double value, const Numerics& numerics) {
  return std::fabs(value) <= largest(numerics);
}

/// delta T / n: the error of t = mean(dy x^), whose terms are rounded once and summed in the sum's depth,
/// then divided and stored; each x^ is off by tau = |x^| kappa + h delta mu, with the h that was computed. A
/// product may underflow before or after h, and so may x^ before dy.
long double projection_error(const ChannelScale& c, const GradientScale& g, const Numerics& numerics,
                             long double relative, long double mean_error) {
  const long double h = c.invstd;
  const long double roundings =
      unit(numerics) * (summation_depth(numerics.summation, g.n) + 3) * (1 + relative);
  return (roundings + relative) * h * g.abs_dot + h * (1 + relative) * mean_error * g.abs_mean +
         underflow_unit(numerics) * (1 + h + g.abs_mean);
}

/// Either of dy x^ and dy (x - mu) may be what is summed, gamma may have been multiplied in beforehand, and
/// invstd may come in as h^2 or h^3. Given statistics may lie far from x: x - mu and x^ overflow on their own
/// then, and a dy of 0 makes them NaN.
bool sums_in_range(const ChannelScale& c, const GradientScale& g, const Numerics& numerics) {
  const long double h = c.invstd;
  return representable(h, numerics) && representable(h * h, numerics) && representable(h * h * h, numerics) &&
         below_overflow(g.n * g.abs_mean, numerics) && below_overflow(g.n * g.abs_dot, numerics) &&
         below_overflow(g.n * g.abs_dot * h, numerics) && below_overflow(g.reach, numerics) &&
         below_overflow(g.reach * h, numerics);
}

/// What multiplies x^ t in dx, beside 1 where eps is in the root and the variance divides by n.
struct ProjectionWeight {
  long double size, relative_error;
  bool in_range;
};

/// -(dh/dsigma)/sigma is h^3 inside the root and h^2/sigma outside, 1/(h sigma) times as much: the error of
/// h, four roundings, and that of sigma, which an error dv of the variance moves by less than dv/v as long as
/// dv < v/2. Beyond that sigma may come out as 0, and dx with it as NaN.
ProjectionWeight projection_weight(const ChannelScale& scale, const GradientScale& g,
                                   const Numerics& numerics, long double relative) {
  if (scale.eps_place != EpsPlace::outside) return {g.correction, 0, true};
  const auto [c, dv] = normalising_variance(scale, numerics);
  const long double weight = g.correction / (c.invstd * std::sqrt(c.variance));
  if (!(dv < c.variance / 2)) return {g.correction, 0, false};
  const bool in_range = representable(c.variance, numerics) && representable(weight, numerics) &&
                        below_overflow(weight * g.n * g.abs_dot, numerics);
  return {weight, relative + dv / c.variance + 4 * unit(numerics), in_range};
}

}  // namespace

/// dx = gamma h g, g = dy - mean(dy) - w x^ t, where w is the weight above. The mean of dy costs depth + 2,
/// x^ t carries both factors' errors, and three roundings are made of each of g's terms; gamma h g then has
/// the factor's error kappa and two products. The errors of x^ and t multiply: where x lies at the mean and
/// dy is constant, both factors are 0 and their errors are all there is; and beside a mean that is large for
/// sigma, kappa itself is not small. Last, what underflows: a product within g, one of the products with
/// gamma and h, or Sum dy (x - mu) times some of h, h, h and gamma, before x - mu or x^ comes in.
Slack slack_training_dx(const ChannelScale& c, const GradientScale& g, const Numerics& numerics,
                        const GradientElement& at) {
  const long double u = unit(numerics);
  const long double h = c.invstd;
  const long double centred = at.x - c.mean;
  const long double normal = centred * h;
  const long double gamma = std::fabs(at.gamma);
  const long double mu_error = mean_error(c, numerics);
  const long double relative = kappa(c, numerics);
  const long double x_error = std::fabs(normal) * relative + h * (1 + relative) * mu_error;
  const long double t = g.projection;
  const ProjectionWeight weight = projection_weight(c, g, numerics, relative);
  const long double product = weight.size * std::fabs(normal * t);
  const long double terms = std::fabs(at.dy) + std::fabs(g.mean) + product;
  const long double product_error =
      (std::fabs(normal) + x_error) * projection_error(c, g, numerics, relative, mu_error) +
      std::fabs(t) * x_error;
  const long double g_error = u * (summation_depth(numerics.summation, g.n) + 2) * g.abs_mean +
                              weight.size * product_error * (1 + weight.relative_error) +
                              product * weight.relative_error + 3 * u * terms;
  const long double underflow =
      underflow_unit(numerics) * std::max(weight.size, 1.0L) * (1 + gamma) *
      (1 + std::fabs(centred) + std::fabs(normal) + h * (2 + std::fabs(t) + std::fabs(normal) * (1 + h)));
  const long double amount =
      gamma * h * g_error * (1 + relative) + std::fabs(at.dx) * (relative + 2 * u) + underflow;
  // What any order of the factors gamma, h, h, h and 1/n may leave on the way.
  const long double most_gamma = std::max(gamma, 1.0L);
  const long double most_h = std::max(h, 1.0L);
  const long double largest_term = 2 * g.n * (terms + weight.size * product_error);
  const bool in_range = weight.in_range && batch_in_range(c, numerics) && sums_in_range(c, g, numerics) &&
                        representable(centred, numerics) && representable(normal, numerics) &&
                        representable(gamma * h, numerics) && representable(gamma * h / g.n, numerics) &&
                        below_overflow(most_gamma * g.n * g.abs_mean, numerics) &&
                        below_overflow(most_gamma * most_h * most_h * most_h * g.n * g.abs_dot, numerics) &&
                        below_overflow(most_gamma * most_h * largest_term, numerics) &&
                        below_overflow(at.dx, numerics);
  return bound(amount, numerics, in_range);
}

/// gamma h dy: the eight roundings of the inference y, less the subtraction.
Slack slack_inference_dx(const ChannelScale& c, const Numerics& numerics, const GradientElement& at) {
  const long double u = unit(numerics);
  const long double h = c.invstd;
  const long double v = h > 0 ? 1 / (h * h) : 0;
  long double amount = 8 * u * std::fabs(at.dx) + underflow_unit(numerics) * (1 + std::fabs(at.gamma) + h);
  if (c.ratio_statistics) amount += u * std::fabs(at.dx) / 2;
  const bool in_range = representable(v, numerics) && representable(at.gamma * h, numerics) &&
                        below_overflow(at.dy * h, numerics) && below_overflow(at.gamma * at.dy, numerics) &&
                        below_overflow(at.dx, numerics);
  return bound(amount, numerics, in_range);
}

/// n t. Given statistics have no errors of their own; a quotient S/c is rounded once, as in
/// slack_inference_y.
Slack slack_dweight(const ChannelScale& c, const GradientScale& g, const Numerics& numerics,
                    bool uses_batch) {
  const long double u = unit(numerics);
  const long double h = c.invstd;
  const long double v = h > 0 ? 1 / (h * h) : 0;
  const long double relative = uses_batch ? kappa(c, numerics) : 8 * u;
  const long double mu_error = uses_batch ? mean_error(c, numerics) : 0;
  long double amount = g.n * projection_error(c, g, numerics, relative, mu_error) + underflow_unit(numerics);
  if (c.ratio_statistics) amount += u * g.n * h * (std::fabs(c.mean) * g.abs_mean + g.abs_dot / 2);
  const bool statistics_in_range = uses_batch ? batch_in_range(c, numerics) : representable(v, numerics);
  return bound(amount, numerics, statistics_in_range && sums_in_range(c, g, numerics));
}

/// The sum's depth, and one rounding where it is stored.
Slack slack_dbias(const GradientScale& g, const Numerics& numerics) {
  const long double sum = g.n * g.abs_mean;
  return bound(unit(numerics) * (summation_depth(numerics.summation, g.n) + 1) * sum, numerics,
               below_overflow(sum, numerics));
}

}  // namespace bncheck
