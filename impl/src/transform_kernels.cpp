#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transform_kernels.cpp"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

#include "rounding.hpp"
#include "store_float-inl.hpp"
#include "transform_kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace bn::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<double>;
using F = hn::Rebind<float, D>;
using V = hn::Vec<D>;

HWY_INLINE V transformed(const float* x, V mean_hi, V mean_lo, V scale, V bias) {
  const V wide = hn::PromoteTo(D(), hn::LoadU(F(), x));
  return hn::Add(hn::Mul(hn::Sub(hn::Sub(wide, mean_hi), mean_lo), scale), bias);
}

HWY_INLINE float transformed(float x, double mean_hi, double mean_lo, double scale, double bias) {
  return rounded(((static_cast<double>(x) - mean_hi) - mean_lo) * scale + bias);
}

void transform_values(const float* x, float* y, std::size_t count, const ChannelCoefficients& channel) {
  const D d;
  const std::size_t width = hn::Lanes(d);
  const V mean_hi = hn::Set(d, channel.mean_hi);
  const V mean_lo = hn::Set(d, channel.mean_lo);
  const V scale = hn::Set(d, channel.scale);
  const V bias = hn::Set(d, channel.bias);
  std::size_t i = 0;
  for (; i + width <= count; i += width) {
    store_float(d, transformed(x + i, mean_hi, mean_lo, scale, bias), y + i);
  }
  for (; i < count; ++i) {
    y[i] = transformed(x[i], channel.mean_hi, channel.mean_lo, channel.scale, channel.bias);
  }
}

void transform_rows(const float* x, std::int64_t x_stride, float* y, std::int64_t y_stride, std::size_t rows,
                    const RowCoefficients& coefficients) {
  const D d;
  const std::size_t width = hn::Lanes(d);
  const auto& [mean_hi, mean_lo, scale, bias, channels] = coefficients;
  for (std::size_t r = 0; r < rows; ++r) {
    const float* from = x + static_cast<std::int64_t>(r) * x_stride;
    float* to = y + static_cast<std::int64_t>(r) * y_stride;
    std::size_t c = 0;
    for (; c + width <= channels; c += width) {
      store_float(d,
                  transformed(from + c, hn::LoadU(d, mean_hi + c), hn::LoadU(d, mean_lo + c),
                              hn::LoadU(d, scale + c), hn::LoadU(d, bias + c)),
                  to + c);
    }
    for (; c < channels; ++c) to[c] = transformed(from[c], mean_hi[c], mean_lo[c], scale[c], bias[c]);
  }
}

}  // namespace bn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bn {

HWY_EXPORT(transform_values);
HWY_EXPORT(transform_rows);

void transform_values(const float* x, float* y, std::size_t count, const ChannelCoefficients& channel) {
  HWY_DYNAMIC_DISPATCH(transform_values)(x, y, count, channel);
}

void transform_rows(const float* x, std::int64_t x_stride, float* y, std::int64_t y_stride, std::size_t rows,
                    const RowCoefficients& coefficients) {
  HWY_DYNAMIC_DISPATCH(transform_rows)(x, x_stride, y, y_stride, rows, coefficients);
}

}  // namespace bn
#endif  // HWY_ONCE
