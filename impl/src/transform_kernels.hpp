// The inner loops of y = γ·(x−μ)·invstd + β, one copy per instruction set. All copies give the same results
// bit for bit: no operations are fused.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bn {

/// y = float(((x − mean_hi) − mean_lo)·scale + bias), computed in double.
///
/// The subtraction comes first: for x = μ, the product is 0 and y is the bias. A NaN is always 0x7fc00000. A
/// product of −0 has no effect as long as `bias` is not −0, which the caller ensures: a zero sum is +0 then.
struct ChannelCoefficients {
  double mean_hi, mean_lo, scale, bias;
};

/// Transforms `count` values next to each other. y may be x.
void transform_values(const float* x, float* y, std::size_t count, const ChannelCoefficients& channel);

/// Coefficients of neighbouring channels: arrays of `channels` values each.
struct RowCoefficients {
  const double *mean_hi, *mean_lo, *scale, *bias;
  std::size_t channels;
};

/// Transforms `rows` rows of coefficients.channels values; row r is at x + r·x_stride and y + r·y_stride. y
/// may be x with equal strides.
void transform_rows(const float* x, std::int64_t x_stride, float* y, std::int64_t y_stride, std::size_t rows,
                    const RowCoefficients& coefficients);

}  // namespace bn
