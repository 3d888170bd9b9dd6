// The inner loops of the statistics, one copy per instruction set.
//
// Values are taken in blocks of block_values. Within a block, value i goes to accumulator i mod sum_lanes,
// and the accumulators are added pairwise at the end. This order does not depend on the size of a vector, and
// no operations are fused, so every instruction set gives the same results. Each accumulator adds at most
// block_values / sum_lanes = 16 terms, then 4 levels of pairs follow: the error of a sum of terms t is below
// (16 + 4)·u·Σ|t|, u = 2^-53.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bn {

inline constexpr std::int64_t block_values = 256;
inline constexpr std::size_t sum_lanes = 16;

/// Adds the accumulators of a block in pairs at half the distance of their number, repeatedly. Changes them.
inline double fold_lanes(double (&lanes)[sum_lanes]) {
  for (std::size_t half = sum_lanes / 2; half > 0; half /= 2) {
    for (std::size_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

/// Σ(x − shift) and Σ(x − shift)² over a block, each difference rounded to double.
struct BlockSums {
  double first = 0.0;
  double second = 0.0;
};

/// Sums of `count` ≤ block_values values next to each other.
BlockSums sum_block(const float* x, std::size_t count, double shift);

/// Channels per call of add_rows: the accumulators take 16 KiB, half of a first-level cache.
inline constexpr std::size_t tile_channels = 64;

/// Accumulators of a block for up to tile_channels channels that are neighbours in memory.
struct alignas(64) TileSums {
  double first[sum_lanes][tile_channels] = {};
  double second[sum_lanes][tile_channels] = {};

  [[nodiscard]] BlockSums channel(std::size_t c) const;
};

/// Adds `rows` rows of `channels` values; the first row is value `first_row` of the block. Row r begins at x
/// + r·row_stride.
void add_rows(const float* x, std::int64_t row_stride, std::size_t rows, std::size_t first_row,
              std::size_t channels, const double* shift, TileSums& sums);

}  // namespace bn
