// Mean and variance of every channel of a batch.
#pragma once

#include <cstdint>
#include <vector>

#include "double_double.hpp"
#include "traversal.hpp"

namespace bn {

/// What a batch says about one channel. All NaN where any value of the channel is not finite.
struct ChannelMoments {
  /// μ, as a double-double. It differs from μ by less than 2^-50 times the channel's standard deviation (and,
  /// at large means, by 2^-100·|μ| more), and it is a float exactly where μ is that float: x − μ has the
  /// right sign and is 0 only where it is 0.
  DoubleDouble mean;
  /// Σ(x − μ)² with a relative error below 2^-47, 0 exactly for a constant channel.
  double squares = 0.0;
};

/// `layout` walks x, as its first tensor; `threads` as in parallel_for.
std::vector<ChannelMoments> channel_moments(const float* x, const Traversal& layout, int threads);

}  // namespace bn
