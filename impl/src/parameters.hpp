// Parameters and statistics of a channel, as both passes read them.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "channel_sums.hpp"

namespace bn {

/// γ or β of channel c; `absent` if the call gave none.
inline float element(const std::optional<std::span<const float>>& values, std::int64_t c, float absent) {
  return values ? (*values)[static_cast<std::size_t>(c)] : absent;
}

/// 1/√(σ² + ε) of a batch with n values per channel.
inline double batch_invstd(const ChannelMoments& moments, std::int64_t n, double eps) {
  return 1.0 / std::sqrt(moments.squares / static_cast<double>(n) + eps);
}

/// 1/√(running_var + ε), NaN if the sum is not above 0 as a real number; the comparison rounds nothing.
/// Otherwise the sum is rounded once, so its relative error is at most 2^-53 even where it cancels, and with
/// gradual underflow it is not 0.
inline double running_invstd(float running_var, double eps) {
  const auto var = static_cast<double>(running_var);
  if (!(var > -eps)) return std::numeric_limits<double>::quiet_NaN();
  return 1.0 / std::sqrt(var + eps);
}

}  // namespace bn
