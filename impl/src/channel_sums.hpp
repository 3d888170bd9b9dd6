// Mean and variance of every channel of a batch.
#pragma once

#include <cstdint>
#include <vector>

#include "double_double.hpp"
#include "traversal.hpp"

namespace bn {

/// Mean and variance of a batch in one channel. All are NaN if a value of the channel is not finite.
struct ChannelMoments {
  /// μ as a double-double. Its error is less than 2^-50 times the standard deviation of the channel (plus
  /// 2^-100·|μ| at large means). It is a float exactly if μ is that float: x − μ has the right sign and is 0
  /// only where it is exactly 0.
  DoubleDouble mean;
  /// Σ(x − μ)² with a relative error below 2^-47; exactly 0 for a constant channel.
  double squares = 0.0;
};

/// Moments of every channel. `layout` describes x, as its first tensor; `threads` as in parallel_for.
std::vector<ChannelMoments> channel_moments(const float* x, const Traversal& layout, int threads);

}  // namespace bn
