// What both passes read from a channel's parameters and statistics.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "channel_sums.hpp"

namespace bn {

/// γ or β of channel c; `absent` where the call gave none.
inline float element(const std::optional<std::span<const float>>& values, std::int64_t c, float absent) {
  return values ? (*values)[static_cast<std::size_t>(c)] : absent;
}

/// 1/√(σ² + eps) of a batch with n values per channel.
inline double batch_invstd(const ChannelMoments& moments, std::int64_t n, double eps) {
  return 1.0 / std::sqrt(moments.squares / static_cast<double>(n) + eps);
}

/// 1/√(running_var + eps), NaN where the sum is not above 0 as a real number: comparing rounds nothing. Where
/// it is, the sum is rounded once, so it has a relative error of at most 2^-53 even where it cancels, and
/// with gradual underflow it is not 0.
inline double running_invstd(float running_var, double eps) {
  const auto var = static_cast<double>(running_var);
  if (!(var > -eps)) return std::numeric_limits<double>::quiet_NaN();
  return 1.0 / std::sqrt(var + eps);
}

}  // namespace bn
