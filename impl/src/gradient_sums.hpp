// Sums of the backward pass over a channel.
#pragma once

#include <cstdint>
#include <vector>

#include "backward_kernels.hpp"
#include "channel_sums.hpp"
#include "traversal.hpp"

namespace bn {

/// Means that are subtracted from x and dy in each channel.
class Means {
 public:
  explicit Means(std::int64_t channels);
  /// Means of a batch.
  Means(const std::vector<ChannelMoments>& x, const std::vector<ChannelMoments>& dy);

  void set(std::int64_t c, const MeanPair& means);
  [[nodiscard]] MeanPair channel(std::int64_t c) const;
  /// Arrays that begin with channel `first`.
  [[nodiscard]] MeanRows rows(std::int64_t first = 0) const;

 private:
  std::vector<double> x_hi_, x_lo_, dy_hi_, dy_lo_;
};

/// Σ(dy − mean)(x − mean) of every channel. It is NaN exactly if a value or mean of the channel is not
/// finite: n finite terms add up to less than n·2^258, and a CompensatedSum is NaN if a term is not finite.
/// `layout` describes x and dy; `threads` as in parallel_for.
std::vector<double> product_sums(const float* x, const float* dy, const Traversal& layout, const Means& means,
                                 int threads);

/// Σdy of every channel; in the extended reals where values are not finite. `layout` describes dy, and
/// `moments` are those of dy.
std::vector<float> value_sums(const float* dy, const Traversal& layout,
                              const std::vector<ChannelMoments>& moments, int threads);

}  // namespace bn
