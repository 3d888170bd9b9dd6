#include "subjects/variants/lapses.hpp"

#include <algorithm>
#include <limits>

namespace bncheck::variants {
namespace {

/// The value, no farther from 0 than `limit`.
Real capped(Real value, Real limit) {
  if (!(limit < abs(value))) return value;
  return value < 0.0f ? Real(0.0f) - limit : limit;
}

Real flushed(Real value, Real least) {
  return abs(value) < least ? Real(0.0f) : value;
}

bool lies_within(const Reals& x, Real least, Real most) {
  Real largest;
  for (const Real value : x) {
    if (largest < abs(value)) largest = abs(value);
  }
  return !(largest < least) && !(most < largest);
}

}  // namespace

double lapsed_eps(double eps, Pass pass, Lapse lapse) {
  constexpr double usual = 1e-5;
  switch (lapse) {
    case Lapse::eps_1e_4_is_default:
      return eps == 1e-4 ? usual : eps;
    case Lapse::eps_1e_3_is_default_in_gradient:
      return eps == 1e-3 && pass == Pass::gradient ? usual : eps;
    case Lapse::eps_capped:
      return std::min(eps, 1e-3);
    case Lapse::small_eps_raised:
      return pass == Pass::inference ? std::max(eps, 1e-6) : eps;
    default:
      return eps;
  }
}

std::optional<double> lapsed_momentum(std::optional<double> momentum, Lapse lapse) {
  if (!momentum) return momentum;
  switch (lapse) {
    case Lapse::small_momentum_lost:
      return std::fabs(*momentum) < 0.002 ? 0 : *momentum;
    case Lapse::momentum_in_128ths:
      return std::nearbyint(*momentum * 128) / 128;
    case Lapse::momentum_clamped:
      return std::clamp(*momentum, 0.0, 1.0);
    case Lapse::momentum_unsigned:
      return std::fabs(*momentum);
    default:
      return momentum;
  }
}

std::int64_t lapsed_count(std::int64_t before, Lapse lapse) {
  switch (lapse) {
    case Lapse::counter_of_16_bits:
      return (before + 1) & 0xffff;
    case Lapse::counter_of_32_bits:
      return (before + 1) & 0xffffffff;
    case Lapse::counter_in_float: {
      // The largest counts round to 2^63, which no counter holds.
      const float after = static_cast<float>(before) + 1.0f;
      return after < 0x1p63f ? static_cast<std::int64_t>(after) : std::numeric_limits<std::int64_t>::max();
    }
    case Lapse::counter_saturates:
      return std::max<std::int64_t>(before, std::min<std::int64_t>(before + 1, 1000));
    default:
      return before + 1;
  }
}

std::int64_t lapsed_batches(std::int64_t batches, Lapse lapse) {
  if (lapse == Lapse::cumulative_weight_kept) return std::min<std::int64_t>(batches, 256);
  if (lapse == Lapse::cumulative_in_bytes) return std::max<std::int64_t>(batches & 0xff, 1);
  return batches;
}

Moments lapsed_moments(Moments moments, bool batch, Lapse lapse) {
  auto& [mean, variance] = moments;
  if (batch) {
    if (lapse == Lapse::small_variance_flushed) variance = flushed(variance, 0x1p-40f);
    if (lapse == Lapse::large_mean_lost && Real(0x1p70f) < abs(mean)) mean = 0.0f;
    return moments;
  }
  if (lapse == Lapse::given_variance_flushed) variance = flushed(variance, 0x1p-60f);
  if (lapse == Lapse::given_variance_capped) variance = capped(variance, 0x1p60f);
  if (lapse == Lapse::given_mean_lost && Real(0x1p60f) < abs(mean)) mean = 0.0f;
  return moments;
}

Real lapsed_invstd(Real invstd, const Reals& x, bool batch, Lapse lapse) {
  if (!batch) return invstd;
  switch (lapse) {
    case Lapse::invstd_lost_if_small:
      return lies_within(x, 0x1p-120f, 0x1p-66f) ? Real(1.0f) : invstd;
    case Lapse::invstd_lost_if_large:
      return lies_within(x, 0x1p30f, 0x1p50f) ? Real(1.0f) : invstd;
    case Lapse::invstd_capped:
      return capped(invstd, 0x1p30f);
    default:
      return invstd;
  }
}

Real lapsed_gamma(Real gamma, Lapse lapse) {
  return lapse == Lapse::gamma_capped ? capped(gamma, 0x1p40f) : gamma;
}

Real lapsed_difference(Real difference, Lapse lapse) {
  return lapse == Lapse::given_difference_capped ? capped(difference, 0x1p90f) : difference;
}

Real lapsed_dy(Real dy, Lapse lapse) {
  if (lapse == Lapse::small_dy_flushed) return flushed(dy, 0x1p-60f);
  return lapse == Lapse::large_dy_capped ? capped(dy, 0x1p60f) : dy;
}

}  // namespace bncheck::variants
