// The inner loops of y = γ·(x−μ)·invstd + β, one copy per instruction set, all with the same bits: nothing is
// fused.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bn {

/// y = float(((x − mean_hi) − mean_lo)·scale + bias), computed in double.
///
/// Subtract-first: for x = μ, the product is 0 and y is the bias. A NaN is always 0x7fc00000. A product of −0
/// stays invisible as long as `bias` is not −0, which the caller sees to: then a zero sum is +0.
struct ChannelCoefficients {
  double mean_hi, mean_lo, scale, bias;
};

/// `count` values next to each other. y may be x.
void transform_values(const float* x, float* y, std::size_t count, const ChannelCoefficients& channel);

/// The coefficients of channels that are neighbours: arrays of `channels` values each.
struct RowCoefficients {
  const double *mean_hi, *mean_lo, *scale, *bias;
  std::size_t channels;
};

/// `rows` rows of coefficients.channels values; row r is at x + r·x_stride and y + r·y_stride. y may be x
/// with equal strides.
void transform_rows(const float* x, std::int64_t x_stride, float* y, std::int64_t y_stride, std::size_t rows,
                    const RowCoefficients& coefficients);

}  // namespace bn
