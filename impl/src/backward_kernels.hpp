// The inner loops of the backward pass, one copy per instruction set. All copies give the same results bit
// for bit: no operations are fused, and sums have the order of sum_kernels.hpp.
//
// A value minus the mean of its channel is (value − hi) − lo, in double. The rounding errors of both
// differences are relative to the result: the first difference is inexact only if its magnitude is at least
// |hi|/2, and |lo| ≤ ulp(hi)/2 ≤ 2^-53·|hi| is negligible beside that.
#pragma once

#include <cstddef>
#include <cstdint>

#include "double_double.hpp"
#include "sum_kernels.hpp"

namespace bn {

/// Means of x and dy in one channel.
struct MeanPair {
  DoubleDouble x, dy;
};

/// The same for neighbouring channels, as arrays.
struct MeanRows {
  const double *x_hi, *x_lo, *dy_hi, *dy_lo;
};

/// Rows of channels in memory: row r begins at data + r·stride.
template <class T>
struct Rows {
  T* data;
  std::int64_t stride;
};

/// Σ(dy − mean)(x − mean) of `count` ≤ block_values values next to each other.
double product_block(const float* x, const float* dy, std::size_t count, const MeanPair& means);

/// Accumulators of a block for up to tile_channels channels that are neighbours in memory.
struct alignas(64) TileProducts {
  double sum[sum_lanes][tile_channels] = {};

  [[nodiscard]] double channel(std::size_t c) const;
};

/// Adds the products of `rows` rows of `channels` values each. Row r is value `first_row` + r of the block,
/// which decides its accumulator.
void add_product_rows(const Rows<const float>& x, const Rows<const float>& dy, std::size_t rows,
                      std::size_t first_row, std::size_t channels, const MeanRows& means,
                      TileProducts& products);

/// dx = float(((dy − mean) − (x − mean)·slope)·scale), computed in double; a zero is +0, a NaN canonical.
struct ChannelGradient {
  MeanPair means;
  double slope, scale;
};

/// Gradients of `count` values next to each other. dx may be dy.
void gradient_values(const float* x, const float* dy, float* dx, std::size_t count,
                     const ChannelGradient& channel);

/// ChannelGradient of neighbouring channels, as arrays of `channels` values each.
struct RowGradients {
  MeanRows means;
  const double *slope, *scale;
  std::size_t channels;
};

/// Gradients of `rows` rows of gradients.channels values each. dx may be dy, with equal strides.
void gradient_rows(const Rows<const float>& x, const Rows<const float>& dy, const Rows<float>& dx,
                   std::size_t rows, const RowGradients& gradients);

}  // namespace bn
