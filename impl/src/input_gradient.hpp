// dx of the training pass over whole tensors.
#pragma once

#include <cstdint>
#include <vector>

#include "gradient_sums.hpp"
#include "traversal.hpp"

namespace bn {

/// ChannelGradient of all channels, as arrays.
struct GradientTable {
  Means means;
  std::vector<double> slope, scale;

  [[nodiscard]] ChannelGradient channel(std::int64_t c) const;
  [[nodiscard]] RowGradients rows() const;
};

/// Writes all of dx. `layout` describes x, dy and dx. dx and dy have the same memory and strides, or share
/// none. `threads` as in parallel_for.
void input_gradient(const float* x, const float* dy, float* dx, const Traversal& layout,
                    const GradientTable& table, int threads);

}  // namespace bn
