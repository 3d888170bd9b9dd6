#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sum_kernels.cpp"
// Vectors of a length unknown to the compiler cannot be kept in arrays; such machines take another target.
#define HWY_DISABLED_TARGETS (HWY_RVV | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

#include "sum_kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace bn::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<double, sum_lanes>;
using F = hn::Rebind<float, D>;
using V = hn::Vec<D>;

constexpr std::size_t width = hn::MaxLanes(D());
constexpr std::size_t vectors = sum_lanes / width;

// Lanes of one block, as numbers.
struct Lanes {
  HWY_ALIGN double first[sum_lanes];
  HWY_ALIGN double second[sum_lanes];

  void add(std::size_t lane, float x, double shift) {
    const double d = static_cast<double>(x) - shift;
    first[lane] += d;
    second[lane] += d * d;
  }
};

BlockSums sum_block(const float* x, std::size_t count, double shift) {
  const D d;
  const F f;
  const V s = hn::Set(d, shift);
  V first[vectors];
  V second[vectors];
  for (std::size_t v = 0; v < vectors; ++v) first[v] = second[v] = hn::Zero(d);
  std::size_t i = 0;
  for (; i + sum_lanes <= count; i += sum_lanes) {
    for (std::size_t v = 0; v < vectors; ++v) {
      const V difference = hn::Sub(hn::PromoteTo(d, hn::LoadU(f, x + i + v * width)), s);
      first[v] = hn::Add(first[v], difference);
      second[v] = hn::Add(second[v], hn::Mul(difference, difference));
    }
  }
  Lanes lanes;
  for (std::size_t v = 0; v < vectors; ++v) {
    hn::Store(first[v], d, lanes.first + v * width);
    hn::Store(second[v], d, lanes.second + v * width);
  }
  for (std::size_t lane = 0; i < count; ++i, ++lane) lanes.add(lane, x[i], shift);
  return {fold_lanes(lanes.first), fold_lanes(lanes.second)};
}

void add_rows(const float* x, std::int64_t row_stride, std::size_t rows, std::size_t first_row,
              std::size_t channels, const double* shift, TileSums& sums) {
  const D d;
  const F f;
  for (std::size_t r = 0; r < rows; ++r) {
    const float* row = x + static_cast<std::int64_t>(r) * row_stride;
    double* first = sums.first[(first_row + r) % sum_lanes];
    double* second = sums.second[(first_row + r) % sum_lanes];
    std::size_t c = 0;
    for (; c + width <= channels; c += width) {
      const V difference = hn::Sub(hn::PromoteTo(d, hn::LoadU(f, row + c)), hn::LoadU(d, shift + c));
      hn::Store(hn::Add(hn::Load(d, first + c), difference), d, first + c);
      hn::Store(hn::Add(hn::Load(d, second + c), hn::Mul(difference, difference)), d, second + c);
    }
    for (; c < channels; ++c) {
      const double difference = static_cast<double>(row[c]) - shift[c];
      first[c] += difference;
      second[c] += difference * difference;
    }
  }
}

}  // namespace bn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bn {

HWY_EXPORT(sum_block);
HWY_EXPORT(add_rows);

BlockSums sum_block(const float* x, std::size_t count, double shift) {
  return HWY_DYNAMIC_DISPATCH(sum_block)(x, count, shift);
}

void add_rows(const float* x, std::int64_t row_stride, std::size_t rows, std::size_t first_row,
              std::size_t channels, const double* shift, TileSums& sums) {
  HWY_DYNAMIC_DISPATCH(add_rows)(x, row_stride, rows, first_row, channels, shift, sums);
}

BlockSums TileSums::channel(std::size_t c) const {
  double first_lanes[sum_lanes];
  double second_lanes[sum_lanes];
  for (std::size_t l = 0; l < sum_lanes; ++l) {
    first_lanes[l] = first[l][c];
    second_lanes[l] = second[l][c];
  }
  return {fold_lanes(first_lanes), fold_lanes(second_lanes)};
}

}  // namespace bn
#endif  // HWY_ONCE
