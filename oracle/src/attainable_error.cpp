#include "bncheck/attainable_error.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "limits.hpp"

namespace bncheck {
namespace {

/// Whether the statistics lose accuracy in their stored form. A format with at least the precision of the
/// arithmetic adds nothing that is not counted elsewhere.
bool loses_in_store(const ChannelScale& c, const Numerics& numerics) {
  return c.stored && c.stored->format.precision < precision_of(numerics).bits;
}
long double stored_error(const ChannelScale& c, const Numerics& numerics, long double size) {
  return loses_in_store(c, numerics) ? half_ulp(c.stored->format, size) : 0;
}
/// Whether a computed number of at most this size is stored without becoming infinite.
bool fits_store(const ChannelScale& c, const Numerics& numerics, long double size) {
  if (!loses_in_store(c, numerics)) return true;
  const FloatFormat& format = c.stored->format;
  return size < std::ldexp(2 - std::ldexp(1.0L, -format.precision), 1 - format.min_exponent);
}

/// Number of roundings on the longest path to a sum of n terms, in units of u of the sum of sizes.
long double depth_of(const Numerics& numerics, long double n) {
  return summation_depth(numerics.summation, n, unit(numerics));
}

/// Whether y is α·x + β′, and dx is a·dy + b·x + c.
bool is_folded(const Numerics& numerics) {
  return numerics.form != Form::centred;
}

/// Whether the value is below overflow. A product or quotient that underflows loses at most ω, which every
/// bound has terms for; a sum or difference that is subnormal is exact.
bool below_overflow(long double value, const Numerics& numerics) {
  return std::fabs(value) <= largest(numerics);
}

/// Error of the computed mean: depth_of roundings of partial sums, each at most Σ|x|, then the division and
/// the rounding of the stored mean. A result that is subnormal loses up to ω instead: a quotient, and any
/// partial sum where small numbers are flushed to zero.
long double computed_mean_error(const ChannelScale& c, const Numerics& numerics) {
  return (depth_of(numerics, c.n) + 2) * (unit(numerics) * c.abs_mean + underflow_unit(numerics));
}
/// Error of the mean that is used, which may have been rounded to a narrower format.
long double mean_error(const ChannelScale& c, const Numerics& numerics) {
  const long double error = computed_mean_error(c, numerics);
  return error + stored_error(c, numerics, std::fabs(c.mean) + error);
}

/// Whether the variance may come from Welford's update.
bool may_update(const Numerics& numerics) {
  return numerics.summation == Summation::welford || numerics.summation == Summation::naive;
}

/// Additional error of the variance as E[x²] − μ²: that of the mean of squares, which is μ² larger than the variance,
/// and of the square of a mean that is off by d.
long double one_pass_error(const ChannelScale& c, const Numerics& numerics, long double d) {
  return (depth_of(numerics, c.n) + 4) * unit(numerics) * c.mean * c.mean + 2 * std::fabs(c.mean) * d;
}

/// Error of the computed population variance. The subtraction and the square, with x − μ entering twice, give
/// 3u relative to each term; the division gives u, the sum its depth. A mean that is off by d adds d²,
/// because the deviations from the true mean sum to zero.
///
/// Welford's update multiplies deviations from two different running means. There an error d of the mean
/// counts once per term, 2d·|x − μ|, whose mean is at most 2dσ (Cauchy–Schwarz). The update in one chain is a
/// running sum, so `naive` has the term too. The deviations are taken from the computed mean, never from a
/// stored one.
///
/// Squares, the quotient and a tiny ε lose up to ω each where they are subnormal; the depth leaves room for
/// the merging of Welford's parts, whose products do so too. Values of x that are taken for zero move each deviation by
/// less than f, and the mean square by 2fσ + f².
long double variance_error(const ChannelScale& c, const Numerics& numerics) {
  const long double d = computed_mean_error(c, numerics);
  const long double flushed = flushed_input(numerics);
  const long double updating =
      (may_update(numerics) ? 2 * d + 2 * flushed : 2 * flushed) * std::sqrt(c.variance) + flushed * flushed;
  const long double roundings = depth_of(numerics, c.n) + 4;
  const long double error =
      roundings * (unit(numerics) * c.variance + underflow_unit(numerics)) + d * d + updating;
  return numerics.form == Form::one_pass ? error + one_pass_error(c, numerics, d) : error;
}

/// Relative error of the normalising factor h that an error `dv` of the variance v causes. Inside the root:
/// half of dv/(v + ε), that is dv·h²/2. Outside: |√(v + dv) − √v| <= min(dv/(2√v), √dv), relative to √v + ε.
long double invstd_error_from(long double dv, const ChannelScale& c) {
  if (c.eps_place == EpsPlace::inside) return dv * c.invstd * c.invstd / 2;
  const long double root = std::sqrt(c.variance);
  const long double moved = root > 0 ? std::min(dv / (2 * root), std::sqrt(dv)) : std::sqrt(dv);
  return moved * c.invstd;
}

/// The channel with the variance that it normalises with, and the error of that variance.
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

/// Relative change of h where ε is moved by less than `eps_loss`: an ε between the declared one and the one that is not
/// rounded is at least as good. For t = loss/whole <= 1/2, 1/√(1 − t) − 1 <= t and 1/(1 − t) − 1 <= 2t.
long double scalar_error(const ChannelScale& c, const Numerics& numerics) {
  if (c.eps_loss == 0 || numerics.scalars_as_declared || !(c.invstd > 0)) return 0;
  const bool outside = c.eps_place == EpsPlace::outside;
  const long double t = c.eps_loss * (outside ? c.invstd : c.invstd * c.invstd);
  return t > 0.5L ? HUGE_VALL : outside ? 2 * t : t;
}

/// κ: relative error of γ·h·(x − μ) for an exact mean. In units of u: x − μ 1, v + ε 1/2, ε as a float 1/2,
/// root 1, reciprocal 1, γ·h 1, product 1, and 2 for a reciprocal square root estimate with a Newton step. A
/// variance with n − 1 instead of n takes two more operations.
///
/// Where the error dv of the variance is not small beside V = v + ε, the computed factor may exceed h by more
/// than the first-order term. But the computed V is at least V − dv, and at least ε. (Welford's recurrence
/// finds a variance of 0 for two neighbouring numbers whose mean rounds to the second.) κ is infinite where
/// both lower limits are 0: the bound promises nothing then.
///
/// ε is computed as the difference of V and v, of which rounding may leave a remainder where ε is 0. An
/// invstd that is stored in a narrower format has lost half an ulp of that format.
long double kappa(const ChannelScale& scale, const Numerics& numerics) {
  const auto [c, dv] = normalising_variance(scale, numerics);
  const long double roundings =
      (c.unbiased_normalising ? 10 : 8) * unit(numerics) + scalar_error(c, numerics);
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

/// Factor for the second-order terms of all bounds.
constexpr long double second_order = 1.01L;

/// A bound beyond the largest number promises nothing; it is infinite, or NaN from 0·∞.
/// `folding` is part of it where the numerics declare that form.
Slack bound(long double amount, const Numerics& numerics, bool in_range, long double folding = 0) {
  if (std::isnan(amount)) amount = HUGE_VALL;
  if (is_folded(numerics)) amount += std::exchange(folding, 0);
  return {second_order * amount, second_order * folding, in_range && amount <= largest(numerics)};
}

/// Error of folding: y = α·x + (β − μ·α) with α = γ·h. The products α·x and μ·α are rounded, and so is the
/// difference β − μ·α, of which every bound has u·|β|. The rounding of the last sum is the one of
/// the result itself.
long double folding_error(const ChannelScale& c, const Numerics& numerics, long double gamma, long double x) {
  const long double alpha = std::fabs(gamma) * c.invstd;
  return unit(numerics) * 2 * alpha * (std::fabs(x) + std::fabs(c.mean));
}

/// Whether the sum of squares stays finite. The computed sum may be off by n times the error of the variance.
/// Where that overflows, a constant channel with the exact variance 0 may get an infinite one. Where parts with a and b
/// values are merged, the difference δ of their means adds δ²·ab/(a + b) to the sum of squares, but δ² itself may be
/// twice as large: for a = b = 1.
bool squares_in_range(const ChannelScale& c, const Numerics& numerics) {
  const long double most = (may_update(numerics) ? 2 : 1) * c.n * c.variance;
  return below_overflow(most, numerics) && below_overflow(c.n * variance_error(c, numerics), numerics);
}

/// Whether the computed statistics are finite in their stored form.
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
         below_overflow(c.n * c.abs_mean, numerics);
}

bool element_in_range(const ChannelScale& c, const Numerics& numerics, long double gamma, long double x,
                      long double product) {
  // The intermediate results of every order, (γ·(x − μ))·h, γ·((x − μ)·h) and (x − μ)·(γ·h).
  const long double centred = x - c.mean;
  const long double alpha = gamma * c.invstd;
  const bool folded_in_range =
      !is_folded(numerics) || (below_overflow(alpha * x, numerics) &&
                               below_overflow(std::fabs(alpha * c.mean) + std::fabs(c.beta), numerics));
  return folded_in_range && below_overflow(centred, numerics) && below_overflow(alpha, numerics) &&
         below_overflow(product, numerics) && below_overflow(centred * c.invstd, numerics) &&
         below_overflow(gamma * centred, numerics);
}

/// Underflow in a product of γ, h and x − μ in any order: the product of two of them loses ω, times the third,
/// and the last one ω; a folded y has two such products. x − μ itself loses ω where small numbers are flushed
/// to zero, or where μ is a quotient. Inputs that are taken for zero change less than f each: γ counts |x − μ|·h times,
/// x and a given mean γ·h times, β once.
long double product_underflow(const ChannelScale& c, const Numerics& numerics, long double gamma,
                              long double x) {
  const long double g = std::fabs(gamma);
  const long double centred = std::fabs(x - c.mean);
  return underflow_unit(numerics) * (2 + centred + g + c.invstd + g * c.invstd) +
         flushed_input(numerics) * (1 + (centred + 2 * g) * c.invstd);
}

/// Relative change of h where a given variance is taken for zero: less than f·h² where ε is inside the root. Outside, √v
/// is below √f.
long double flushed_variance(const ChannelScale& c, const Numerics& numerics) {
  const long double flushed = flushed_input(numerics);
  if (flushed == 0 || !(c.invstd > 0)) return 0;
  const long double t =
      c.eps_place == EpsPlace::inside ? flushed * c.invstd * c.invstd : std::sqrt(flushed) * c.invstd;
  return t > 0.5L ? HUGE_VALL : 2 * t;
}

/// Relative error of h where mean and variance are given, beyond its roundings.
long double given_error(const ChannelScale& c, const Numerics& numerics) {
  return scalar_error(c, numerics) + flushed_variance(c, numerics);
}

}  // namespace

Precision precision_of(const Numerics& numerics) {
  return {is_double(numerics) ? 53 : 24, unit(numerics), stored_underflow(numerics)};
}

long double half_ulp(const FloatFormat& format, long double size) {
  const int exponent = size > 0 ? std::max(std::ilogb(size), format.min_exponent) : format.min_exponent;
  return std::ldexp(1.0L, exponent - format.precision);
}

/// Naive: n − 1. Blocked: sixteen sequential additions, then a tree: 15 + ⌈log₂(n/16)⌉ = 11 + ⌈log₂ n⌉.
/// Compensated: 2u of the last addition and of the carry (Kahan), and n²u² where the carries are added up in a
/// running sum (Neumaier): each of the n carries is at most u of a partial sum, and their sum is rounded n
/// times. Wide: roundings of a format wider than the arithmetic are negligible beside u.
long double summation_depth(Summation summation, long double n, long double unit) {
  switch (summation) {
    case Summation::naive:
      return n - 1;
    case Summation::compensated:
      return std::min(2 + n * n * unit, n + 1);
    case Summation::wide:
      return 0;
    case Summation::welford:
    case Summation::blocked:
      break;
  }
  return n <= 16 ? std::max(n - 1, 0.0L) : 11 + std::ceil(std::log2(n));
}

/// Given mean and variance: only the eight roundings of κ, and u·|β| for the rounding of β − μ·α where y is
/// folded. Without the latter, a result less than an ulp away would be beyond A where β is large beside the
/// product: |y| <= |product| + |β| makes A at least an ulp.
Slack slack_inference_y(const ChannelScale& c, const Numerics& numerics, long double gamma, long double x,
                        long double product) {
  const long double u = unit(numerics);
  long double amount =
      u * (8 * std::fabs(product) + std::fabs(c.beta)) + product_underflow(c, numerics, gamma, x);
  if (product != 0) amount += std::fabs(product) * given_error(c, numerics);
  if (c.ratio_statistics) {
    // Mean and variance are quotients S/c, each rounded once.
    amount += u * std::fabs(gamma * c.invstd * c.mean) + u * std::fabs(product) / 2;
  }
  const long double v = c.invstd > 0 ? 1 / (c.invstd * c.invstd) : 0;
  return bound(amount, numerics,
               representable(v, numerics) && element_in_range(c, numerics, gamma, x, product),
               folding_error(c, numerics, gamma, x));
}

/// The error of the mean is multiplied by γ·h, with the computed h. All other errors are relative to the
/// product, except u·|β|, as in slack_inference_y.
Slack slack_training_y(const ChannelScale& c, const Numerics& numerics, long double gamma, long double x,
                       long double product) {
  const long double relative = kappa(c, numerics);
  const long double amount = std::fabs(gamma) * c.invstd * (1 + relative) * mean_error(c, numerics) +
                             std::fabs(product) * relative + unit(numerics) * std::fabs(c.beta) +
                             product_underflow(c, numerics, gamma, x);
  return bound(amount, numerics,
               batch_in_range(c, numerics) && element_in_range(c, numerics, gamma, x, product),
               folding_error(c, numerics, gamma, x));
}

Slack slack_mean(const ChannelScale& c, const Numerics& numerics) {
  return bound(mean_error(c, numerics), numerics, below_overflow(c.n * c.abs_mean, numerics));
}

/// The unbiased variance is the population's times n/(n − 1): one quotient and one product more.
Slack slack_variance(const ChannelScale& c, const Numerics& numerics, bool unbiased) {
  const long double u = unit(numerics);
  long double amount = variance_error(c, numerics);
  if (unbiased && c.n > 1) amount = amount * c.n / (c.n - 1) + 2 * u * c.variance * c.n / (c.n - 1);
  return bound(amount, numerics, squares_in_range(c, numerics) && below_overflow(c.n * c.abs_mean, numerics));
}

Slack slack_invstd(const ChannelScale& c, const Numerics& numerics) {
  return bound(c.invstd * kappa(c, numerics), numerics, batch_in_range(c, numerics));
}

/// The weighted statistic brings its own error and its rounding to float. 1 − m, two products and a sum
/// follow: no term meets more than three roundings. Each product may underflow. Weights between the declared ones and
/// those of a momentum that is not rounded are at least as good. The old value and either weight may be taken for zero.
Slack slack_running(const Slack& statistic, const Numerics& numerics, const UpdateScale& update) {
  const long double u = unit(numerics);
  const auto [old_weight, fresh_weight, old_loss, fresh_loss, r, s] = update;
  const long double own = statistic.amount + u * std::fabs(s) + stored_underflow(numerics);
  const long double flushed = flushed_input(numerics);
  const long double old_term = old_weight * r;
  const long double fresh_term = fresh_weight * s;
  long double amount = std::fabs(fresh_weight) * own + 3 * u * (std::fabs(old_term) + std::fabs(fresh_term)) +
                       2 * underflow_unit(numerics) +
                       flushed * (std::fabs(old_weight) + std::fabs(r) + std::fabs(s) + own);
  if (!numerics.scalars_as_declared) amount += old_loss * std::fabs(r) + fresh_loss * (std::fabs(s) + own);
  return bound(
      amount, numerics,
      statistic.in_range && below_overflow(old_term, numerics) && below_overflow(fresh_term, numerics));
}

namespace {

/// Error δt of t = mean(dy·x̂). The terms are rounded once and summed in the depth of the sum, then divided
/// and stored. Each x̂ is off by τ = |x̂|·κ + h·δμ, with the computed h. A product may underflow before or
/// after h comes in, and so may x̂ before dy comes in. A dy that is taken for zero counts |x̂| times, an x or a given mean
/// h·|dy| times.
long double projection_error(const ChannelScale& c, const GradientScale& g, const Numerics& numerics,
                             long double relative, long double mean_error) {
  const long double h = c.invstd;
  const long double roundings = unit(numerics) * (depth_of(numerics, g.n) + 3) * (1 + relative);
  // Σdy·x − μ·Σdy has terms of the size |dy·x| <= |dy·(x − μ)| + |μ·dy|.
  const long double uncentred =
      numerics.form == Form::one_pass ? 2 * roundings * h * std::fabs(c.mean) * g.abs_mean : 0;
  return uncentred + (roundings + relative) * h * g.abs_dot + h * (1 + relative) * mean_error * g.abs_mean +
         underflow_unit(numerics) * (1 + h + g.abs_mean) +
         flushed_input(numerics) * h * (1 + relative) * (g.reach + 2 * g.abs_mean);
}

/// Whether the sums stay in range. The terms may be dy·x̂ or dy·(x − μ), and γ may have been multiplied in
/// beforehand. Given statistics may lie far from x: x − μ and x̂ alone overflow then, and a dy of 0 makes them
/// NaN.
bool sums_in_range(const ChannelScale& c, const GradientScale& g, const Numerics& numerics) {
  const long double h = c.invstd;
  return representable(h, numerics) && below_overflow(g.n * g.abs_mean, numerics) &&
         below_overflow(g.n * g.abs_dot, numerics) && below_overflow(g.n * g.abs_dot * h, numerics) &&
         below_overflow(g.reach, numerics) && below_overflow(g.reach * h, numerics);
}

/// Whether the powers of invstd that the gradient of the variance has are in range: h² and h³.
bool powers_in_range(const ChannelScale& c, const Numerics& numerics) {
  const long double h = c.invstd;
  return representable(h * h, numerics) && representable(h * h * h, numerics);
}

/// Weight w of x̂·t in dx: 1 where ε is in the root and the variance divides by n.
struct ProjectionWeight {
  long double size, relative_error;
  bool in_range;
};

/// −(dh/dσ)/σ is h³ with ε inside the root and h²/σ with ε outside, which is 1/(h·σ) times as much. Its
/// error: that of h, four roundings, and that of σ. An error dv of the variance moves σ by less than dv/v
/// (relative) as long as dv < v/2. Beyond that the computed σ may be 0, and dx NaN.
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

/// dx = γ·h·g with g = dy − mean(dy) − w·x̂·t, where w is the weight above. mean(dy) costs depth + 2, x̂·t
/// has the errors of both factors, and each term of g meets three roundings. γ·h·g then has the error κ of
/// the factor and two products.
///
/// The errors of x̂ and t multiply: where x lies at the mean and dy is constant, both factors are 0 and only
/// their errors remain; and for a mean that is large beside σ, κ itself is not small.
///
/// Last, underflow: of a product within g, of one of the products with γ and h, or of Σdy·(x − μ) times some
/// of h, h, h and γ before x − μ or x̂ comes in. γ·h/n loses 2ω before it multiplies n·g.
///
/// A dy that is taken for zero counts once itself and once in the mean; a γ times h and the terms of g.
///
/// dx may also be computed as a·dy + b·x + c, whose b·x and b·μ must not overflow.
Slack slack_training_dx(const ChannelScale& c, const GradientScale& g, const Numerics& numerics,
                        const GradientElement& at) {
  const long double u = unit(numerics);
  const long double h = c.invstd;
  const long double centred = at.x - c.mean;
  const long double normal = centred * h;
  const long double gamma = std::fabs(at.gamma);
  const long double mu_error = mean_error(c, numerics);
  const long double relative = kappa(c, numerics);
  const long double x_error =
      std::fabs(normal) * relative + h * (1 + relative) * (mu_error + flushed_input(numerics));
  const long double t = g.projection;
  const ProjectionWeight weight = projection_weight(c, g, numerics, relative);
  const long double product = weight.size * std::fabs(normal * t);
  // b·x + c with b = −h·w·t in units of γ·h cancels to −x̂·w·t.
  const long double folded =
      is_folded(numerics) ? weight.size * h * std::fabs(t) * (std::fabs(at.x) + std::fabs(c.mean)) : 0;
  const long double terms = std::fabs(at.dy) + std::fabs(g.mean) + product + folded;
  const long double product_error =
      (std::fabs(normal) + x_error) * projection_error(c, g, numerics, relative, mu_error) +
      std::fabs(t) * x_error;
  const long double flushed = flushed_input(numerics);
  const long double g_error = u * (depth_of(numerics, g.n) + 2) * g.abs_mean + 2 * flushed +
                              weight.size * product_error * (1 + weight.relative_error) +
                              product * weight.relative_error + 3 * u * terms;
  const long double underflow =
      underflow_unit(numerics) * (std::max(weight.size, 1.0L) * (1 + gamma) *
                                      (1 + std::fabs(centred) + std::fabs(normal) +
                                       h * (2 + std::fabs(t) + std::fabs(normal) * (1 + h))) +
                                  2 * g.n * terms);
  const long double amount = gamma * h * g_error * (1 + relative) + std::fabs(at.dx) * (relative + 2 * u) +
                             underflow + flushed * h * (1 + relative) * terms;
  // Largest intermediate results for any order of the factors γ, h, h, h and 1/n.
  const long double most_gamma = std::max(gamma, 1.0L);
  const long double most_h = std::max(h, 1.0L);
  const long double most_scale = most_gamma * most_h * most_h * most_h;
  const long double largest_term = 2 * g.n * (terms + weight.size * product_error);
  const bool in_range =
      weight.in_range && batch_in_range(c, numerics) && sums_in_range(c, g, numerics) &&
      powers_in_range(c, numerics) && below_overflow(centred, numerics) && below_overflow(normal, numerics) &&
      below_overflow(most_scale, numerics) &&
      below_overflow(
          gamma * h * h * std::fabs(t) * weight.size * std::max(std::fabs(at.x), std::fabs(c.mean)),
          numerics) &&
      below_overflow(most_gamma * g.n * g.abs_mean, numerics) &&
      below_overflow(most_scale * g.n * g.abs_dot, numerics) &&
      below_overflow(most_gamma * most_h * largest_term, numerics) && below_overflow(at.dx, numerics);
  return bound(amount, numerics, in_range);
}

/// γ·h·dy: the roundings of the inference y. One of the eight, the subtraction, does not occur; the bound
/// keeps its u.
Slack slack_inference_dx(const ChannelScale& c, const Numerics& numerics, const GradientElement& at) {
  const long double u = unit(numerics);
  const long double h = c.invstd;
  const long double v = h > 0 ? 1 / (h * h) : 0;
  long double amount =
      8 * u * std::fabs(at.dx) + underflow_unit(numerics) * (1 + std::fabs(at.gamma) + h + std::fabs(at.dy));
  if (c.ratio_statistics) amount += u * std::fabs(at.dx) / 2;
  if (at.dx != 0) amount += std::fabs(at.dx) * given_error(c, numerics);
  amount += flushed_input(numerics) * h * (std::fabs(at.gamma) + std::fabs(at.dy));
  const bool in_range = representable(v, numerics) && below_overflow(at.gamma * h, numerics) &&
                        below_overflow(at.dy * h, numerics) && below_overflow(at.gamma * at.dy, numerics) &&
                        below_overflow(at.dx, numerics);
  return bound(amount, numerics, in_range);
}

/// dγ = n·t. Given statistics have no error of their own; a quotient S/c is rounded once, as in
/// slack_inference_y.
Slack slack_dweight(const ChannelScale& c, const GradientScale& g, const Numerics& numerics,
                    bool uses_batch) {
  const long double u = unit(numerics);
  const long double h = c.invstd;
  const long double v = h > 0 ? 1 / (h * h) : 0;
  const long double relative = uses_batch ? kappa(c, numerics) : 8 * u + given_error(c, numerics);
  const long double mu_error = uses_batch ? mean_error(c, numerics) : 0;
  long double amount = g.n * projection_error(c, g, numerics, relative, mu_error) + underflow_unit(numerics);
  if (c.ratio_statistics) {
    amount += u * g.n * h * (std::fabs(c.mean) * g.abs_mean + g.abs_dot / 2) +
              underflow_unit(numerics) * g.n * h * g.abs_mean;
  }
  const bool statistics_in_range =
      uses_batch ? batch_in_range(c, numerics) && powers_in_range(c, numerics) : representable(v, numerics);
  return bound(amount, numerics, statistics_in_range && sums_in_range(c, g, numerics));
}

/// dβ = Σdy: the depth of the sum, and one rounding where it is stored. Where small numbers are taken for zero, each dy
/// and each partial sum may be one.
Slack slack_dbias(const GradientScale& g, const Numerics& numerics) {
  const long double sum = g.n * g.abs_mean;
  const long double amount =
      unit(numerics) * (depth_of(numerics, g.n) + 1) * sum + 2 * g.n * flushed_input(numerics);
  return bound(amount, numerics, below_overflow(sum, numerics));
}

}  // namespace bncheck
