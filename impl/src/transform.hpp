// y = γ·(x−μ)·invstd + β over whole tensors.
#pragma once

#include <cstdint>
#include <vector>

#include "transform_kernels.hpp"
#include "traversal.hpp"

namespace bn {

/// ChannelCoefficients of all channels, as arrays.
class Coefficients {
 public:
  explicit Coefficients(std::int64_t channels);

  /// Sets γ, β and the statistics of channel c. γ, β and invstd may have any value: IEEE arithmetic on them
  /// gives what the contract requires for values that are not finite, because γ·invstd is 0, infinite or NaN
  /// exactly where the bracketed product is.
  void set(std::int64_t c, double mean_hi, double mean_lo, double invstd, float gamma, float beta);

  [[nodiscard]] ChannelCoefficients channel(std::int64_t c) const;
  [[nodiscard]] RowCoefficients rows() const;

 private:
  std::vector<double> mean_hi_, mean_lo_, scale_, bias_;
};

/// Writes all of y. `layout` describes x and y, which are the same memory or share none; `threads` as in
/// parallel_for.
void transform(const float* x, float* y, const Traversal& layout, const Coefficients& coefficients,
               int threads);

}  // namespace bn
