#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backward_kernels.cpp"
// Vectors of a length unknown to the compiler cannot be kept in arrays; such machines take another target.
#define HWY_DISABLED_TARGETS (HWY_RVV | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

#include "backward_kernels.hpp"
#include "rounding.hpp"
#include "store_float-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace bn::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<double, sum_lanes>;
using F = hn::Rebind<float, D>;
using V = hn::Vec<D>;

constexpr std::size_t width = hn::MaxLanes(D());
constexpr std::size_t vectors = sum_lanes / width;

HWY_INLINE V centered(const float* values, V hi, V lo) {
  return hn::Sub(hn::Sub(hn::PromoteTo(D(), hn::LoadU(F(), values)), hi), lo);
}

HWY_INLINE double centered(float value, double hi, double lo) {
  return (static_cast<double>(value) - hi) - lo;
}

double product_block(const float* x, const float* dy, std::size_t count, const MeanPair& means) {
  const D d;
  const V x_hi = hn::Set(d, means.x.hi);
  const V x_lo = hn::Set(d, means.x.lo);
  const V dy_hi = hn::Set(d, means.dy.hi);
  const V dy_lo = hn::Set(d, means.dy.lo);
  V sum[vectors];
  for (std::size_t v = 0; v < vectors; ++v) sum[v] = hn::Zero(d);
  std::size_t i = 0;
  for (; i + sum_lanes <= count; i += sum_lanes) {
    for (std::size_t v = 0; v < vectors; ++v) {
      const std::size_t at = i + v * width;
      sum[v] = hn::Add(sum[v], hn::Mul(centered(dy + at, dy_hi, dy_lo), centered(x + at, x_hi, x_lo)));
    }
  }
  HWY_ALIGN double lanes[sum_lanes];
  for (std::size_t v = 0; v < vectors; ++v) hn::Store(sum[v], d, lanes + v * width);
  for (std::size_t lane = 0; i < count; ++i, ++lane) {
    lanes[lane] += centered(dy[i], means.dy.hi, means.dy.lo) * centered(x[i], means.x.hi, means.x.lo);
  }
  return fold_lanes(lanes);
}

void add_product_rows(const Rows<const float>& x, const Rows<const float>& dy, std::size_t rows,
                      std::size_t first_row, std::size_t channels, const MeanRows& means,
                      TileProducts& products) {
  const D d;
  for (std::size_t r = 0; r < rows; ++r) {
    const float* x_row = x.data + static_cast<std::int64_t>(r) * x.stride;
    const float* dy_row = dy.data + static_cast<std::int64_t>(r) * dy.stride;
    double* sum = products.sum[(first_row + r) % sum_lanes];
    std::size_t c = 0;
    for (; c + width <= channels; c += width) {
      const V a = centered(dy_row + c, hn::LoadU(d, means.dy_hi + c), hn::LoadU(d, means.dy_lo + c));
      const V b = centered(x_row + c, hn::LoadU(d, means.x_hi + c), hn::LoadU(d, means.x_lo + c));
      hn::Store(hn::Add(hn::Load(d, sum + c), hn::Mul(a, b)), d, sum + c);
    }
    for (; c < channels; ++c) {
      sum[c] += centered(dy_row[c], means.dy_hi[c], means.dy_lo[c]) *
                centered(x_row[c], means.x_hi[c], means.x_lo[c]);
    }
  }
}

// Adding 0 makes −0 +0.
HWY_INLINE V gradient(V dy, V x, V slope, V scale) {
  return hn::Add(hn::Mul(hn::Sub(dy, hn::Mul(x, slope)), scale), hn::Zero(D()));
}

HWY_INLINE float gradient(double dy, double x, double slope, double scale) {
  return rounded((dy - x * slope) * scale);
}

void gradient_values(const float* x, const float* dy, float* dx, std::size_t count,
                     const ChannelGradient& channel) {
  const D d;
  const auto& [x_mean, dy_mean] = channel.means;
  const V x_hi = hn::Set(d, x_mean.hi);
  const V x_lo = hn::Set(d, x_mean.lo);
  const V dy_hi = hn::Set(d, dy_mean.hi);
  const V dy_lo = hn::Set(d, dy_mean.lo);
  const V slope = hn::Set(d, channel.slope);
  const V scale = hn::Set(d, channel.scale);
  std::size_t i = 0;
  for (; i + width <= count; i += width) {
    const V dy_part = centered(dy + i, dy_hi, dy_lo);
    store_float(d, gradient(dy_part, centered(x + i, x_hi, x_lo), slope, scale), dx + i);
  }
  for (; i < count; ++i) {
    dx[i] = gradient(centered(dy[i], dy_mean.hi, dy_mean.lo), centered(x[i], x_mean.hi, x_mean.lo),
                     channel.slope, channel.scale);
  }
}

void gradient_rows(const Rows<const float>& x, const Rows<const float>& dy, const Rows<float>& dx,
                   std::size_t rows, const RowGradients& gradients) {
  const D d;
  const auto& [means, slope, scale, channels] = gradients;
  for (std::size_t r = 0; r < rows; ++r) {
    const float* x_row = x.data + static_cast<std::int64_t>(r) * x.stride;
    const float* dy_row = dy.data + static_cast<std::int64_t>(r) * dy.stride;
    float* dx_row = dx.data + static_cast<std::int64_t>(r) * dx.stride;
    std::size_t c = 0;
    for (; c + width <= channels; c += width) {
      const V dy_part = centered(dy_row + c, hn::LoadU(d, means.dy_hi + c), hn::LoadU(d, means.dy_lo + c));
      const V x_part = centered(x_row + c, hn::LoadU(d, means.x_hi + c), hn::LoadU(d, means.x_lo + c));
      store_float(d, gradient(dy_part, x_part, hn::LoadU(d, slope + c), hn::LoadU(d, scale + c)), dx_row + c);
    }
    for (; c < channels; ++c) {
      dx_row[c] = gradient(centered(dy_row[c], means.dy_hi[c], means.dy_lo[c]),
                           centered(x_row[c], means.x_hi[c], means.x_lo[c]), slope[c], scale[c]);
    }
  }
}

}  // namespace bn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bn {

HWY_EXPORT(product_block);
HWY_EXPORT(add_product_rows);
HWY_EXPORT(gradient_values);
HWY_EXPORT(gradient_rows);

double product_block(const float* x, const float* dy, std::size_t count, const MeanPair& means) {
  return HWY_DYNAMIC_DISPATCH(product_block)(x, dy, count, means);
}

void add_product_rows(const Rows<const float>& x, const Rows<const float>& dy, std::size_t rows,
                      std::size_t first_row, std::size_t channels, const MeanRows& means,
                      TileProducts& products) {
  HWY_DYNAMIC_DISPATCH(add_product_rows)(x, dy, rows, first_row, channels, means, products);
}

void gradient_values(const float* x, const float* dy, float* dx, std::size_t count,
                     const ChannelGradient& channel) {
  HWY_DYNAMIC_DISPATCH(gradient_values)(x, dy, dx, count, channel);
}

void gradient_rows(const Rows<const float>& x, const Rows<const float>& dy, const Rows<float>& dx,
                   std::size_t rows, const RowGradients& gradients) {
  HWY_DYNAMIC_DISPATCH(gradient_rows)(x, dy, dx, rows, gradients);
}

double TileProducts::channel(std::size_t c) const {
  double lanes[sum_lanes];
  for (std::size_t l = 0; l < sum_lanes; ++l) lanes[l] = sum[l][c];
  return fold_lanes(lanes);
}

}  // namespace bn
#endif  // HWY_ONCE
