// Sums are taken of x − s, with a shift s near the mean: Σ(x − s)² then loses little to cancellation.
//
// Let d = x − s, S1 = Σd, S2 = Σd², δ = S1/n, so μ = s + δ and Σ(x − μ)² = S2 − δ·S1 = n·σ². With u = 2^-53:
//   - Each d is rounded once, each d² adds another rounding, the sums of a block at most 20u
//     (sum_kernels.hpp), and blocks are folded with compensation. So |err S1| ≤ 21u·Σ|d| ≤ 21u·√(n·S2) and
//     |err S2| ≤ 23u·S2.
//   - s is first the mean of a sample. If δ·S1 > S2/4 (for example because the sample contains an outlier),
//     the sums are taken again around the mean just found, which is off by at most
//     21u·√(S2/n) ≤ 21u·√(1+n)·σ, as |μ − s| ≤ √n·σ for any s within the range of the values. So in the end
//     δ·S1 ≤ S2/4: S2 ≤ 4/3·n·σ² and |δ| ≤ 0.58·σ.
//   - Relative to n·σ², S2 is then off by 23u·4/3, and by 4/3·u for dropping its low-order part; δ·S1 is off
//     by 2·0.58·21u·√(4/3) for the error of S1, and by 2u/3 for two roundings; their difference adds u.
//     In all 62u < 2^-47.
#include "channel_sums.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "exact_sum.hpp"
#include "parallel.hpp"
#include "sum_kernels.hpp"

namespace bn {
namespace {

constexpr std::int64_t sample_values = 64;

// Position of sample i of n values: one in each of 64 equal parts, at a place within it that does not repeat.
// In a tensor with borders, values at equal distances could all be border values.
std::int64_t sample_position(std::int64_t i, std::int64_t n) {
  __extension__ using Wide = unsigned __int128;
  const auto jitter = static_cast<std::uint32_t>(i) * 0x9e3779b9U;  // 2^32 / golden ratio
  const Wide place = (static_cast<Wide>(i) << 32) + jitter;         // in 1/2^32 of a part
  return static_cast<std::int64_t>((place * static_cast<Wide>(n)) >> 38);
}

// Mean of the sample. For equal values the sum of up to 64 of them is exact (24 + 6 bits), and so is the
// mean.
double sample_mean(const float* x, const Traversal& layout, std::int64_t c) {
  const std::int64_t n = layout.values_per_channel();
  const std::int64_t count = std::min(n, sample_values);
  double sum = 0.0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t j = n <= sample_values ? i : sample_position(i, n);
    sum += static_cast<double>(x[layout.channel_offset(0, c) + layout.piece_at(j).at[0]]);
  }
  return sum / static_cast<double>(count);
}

// Sums of all blocks of all channels, and the shifts that they were taken around.
class Summation {
 public:
  Summation(const float* x, const Traversal& layout, int threads)
      : x_(x),
        layout_(layout),
        threads_(threads),
        blocks_((layout.values_per_channel() + block_values - 1) / block_values),
        shifts_(static_cast<std::size_t>(layout.channels())),
        sums_(static_cast<std::size_t>(layout.channels() * blocks_)),
        pending_(static_cast<std::size_t>(layout.channels()), 1),
        moments_(static_cast<std::size_t>(layout.channels())) {}

  std::vector<ChannelMoments> run() {
    // Each parallel loop costs a barrier, so small work stays on this thread.
    const int sampling_threads = channels() * sample_values < serial_limit ? 1 : threads_;
    parallel_for(channels(), sampling_threads,
                 [&](std::int64_t c) { shift(c) = sample_mean(x_, layout_, c); });
    sum_pending();
    parallel_for(channels(), threads_, [&](std::int64_t c) { finish_or_improve_shift(c); });
    if (std::ranges::find(pending_, 1) == pending_.end()) return std::move(moments_);
    sum_pending();
    parallel_for(channels(), threads_, [&](std::int64_t c) {
      if (pending(c) != 0) finish(c, totals(c));
    });
    return std::move(moments_);
  }

 private:
  struct Totals {
    DoubleDouble first;   // S1
    double second = 0.0;  // S2
    double offset = 0.0;  // δ = S1 / n, rounded
  };

  [[nodiscard]] std::int64_t channels() const { return layout_.channels(); }
  [[nodiscard]] double n() const { return static_cast<double>(layout_.values_per_channel()); }
  double& shift(std::int64_t c) { return shifts_[static_cast<std::size_t>(c)]; }
  char& pending(std::int64_t c) { return pending_[static_cast<std::size_t>(c)]; }
  BlockSums& sums(std::int64_t c, std::int64_t block) {
    return sums_[static_cast<std::size_t>(c * blocks_ + block)];
  }

  void sum_pending();
  void sum_channel(std::int64_t c, std::int64_t block);
  void sum_tile(std::int64_t tile, std::int64_t block);
  [[nodiscard]] Totals totals(std::int64_t c);
  void finish_or_improve_shift(std::int64_t c);
  void finish(std::int64_t c, const Totals& sums);
  [[nodiscard]] DoubleDouble refined_mean(std::int64_t c, DoubleDouble mean, double deviation) const;

  const float* x_;
  const Traversal& layout_;
  int threads_;
  std::int64_t blocks_;
  std::vector<double> shifts_;
  std::vector<BlockSums> sums_;
  std::vector<char> pending_;  // channels whose sums must be taken (again)
  std::vector<ChannelMoments> moments_;
};

void Summation::sum_pending() {
  if (layout_.rows()) {
    constexpr auto width = static_cast<std::int64_t>(tile_channels);
    const std::int64_t tiles = (channels() + width - 1) / width;
    parallel_for(tiles * blocks_, threads_, [&](std::int64_t i) { sum_tile(i % tiles, i / tiles); });
  } else {
    parallel_for(channels() * blocks_, threads_,
                 [&](std::int64_t i) { sum_channel(i / blocks_, i % blocks_); });
  }
}

void Summation::sum_channel(std::int64_t c, std::int64_t block) {
  if (pending(c) == 0) return;
  const float* x = x_ + layout_.channel_offset(0, c);
  const std::int64_t begin = block * block_values;
  const std::int64_t count = std::min(block_values, layout_.values_per_channel() - begin);
  const Traversal::Piece whole = layout_.piece_at(begin);
  if (layout_.step(0) == 1 && whole.length >= count) {
    sums(c, block) = sum_block(x + whole.at[0], static_cast<std::size_t>(count), shift(c));
    return;
  }
  std::array<float, block_values> values;
  layout_.gather(x, 0, begin, begin + count, values.data());
  sums(c, block) = sum_block(values.data(), static_cast<std::size_t>(count), shift(c));
}

// Channels of the tile that are not pending get the same sums again, because their shift is unchanged.
void Summation::sum_tile(std::int64_t tile, std::int64_t block) {
  const std::int64_t first_channel = tile * static_cast<std::int64_t>(tile_channels);
  const std::int64_t width = std::min(static_cast<std::int64_t>(tile_channels), channels() - first_channel);
  if (std::none_of(&pending(first_channel), &pending(first_channel) + width, [](char p) { return p != 0; })) {
    return;
  }
  const std::int64_t begin = block * block_values;
  const std::int64_t end = std::min(begin + block_values, layout_.values_per_channel());
  TileSums tile_sums;
  layout_.for_each_piece(begin, end, [&](const Traversal::Piece& piece) {
    add_rows(x_ + piece.at[0] + first_channel, layout_.step(0), static_cast<std::size_t>(piece.length),
             static_cast<std::size_t>(piece.j - begin), static_cast<std::size_t>(width),
             &shift(first_channel), tile_sums);
  });
  for (std::int64_t c = 0; c < width; ++c) {
    sums(first_channel + c, block) = tile_sums.channel(static_cast<std::size_t>(c));
  }
}

Summation::Totals Summation::totals(std::int64_t c) {
  CompensatedSum first;
  CompensatedSum second;
  for (std::int64_t block = 0; block < blocks_; ++block) {
    first.add(sums(c, block).first);
    second.add(sums(c, block).second);
  }
  const DoubleDouble first_sum = first.value();
  return {first_sum, second.value().hi, first_sum.hi / n()};
}

void Summation::finish_or_improve_shift(std::int64_t c) {
  const Totals sums = totals(c);
  pending(c) = sums.offset * sums.first.hi > sums.second / 4 ? 1 : 0;
  if (pending(c) != 0) {
    shift(c) += sums.offset;
  } else {
    finish(c, sums);
  }
}

void Summation::finish(std::int64_t c, const Totals& sums) {
  ChannelMoments& moments = moments_[static_cast<std::size_t>(c)];
  // Finite values are below 2^128, so n·2^258 bounds S2: S2 is infinite or NaN only if a value is.
  if (!std::isfinite(sums.second)) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    moments = {{nan, nan}, nan};
    return;
  }
  const DoubleDouble mean = add(shift(c), divide(sums.first, n()));
  // All differences are 0 (their squares do not underflow): a constant channel, and s is its value.
  if (sums.second == 0.0) {
    moments = {mean, 0.0};
    return;
  }
  moments.squares = sums.second - sums.offset * sums.first.hi;
  moments.mean = refined_mean(c, mean, std::sqrt(sums.second / n()));
}

// Returns `mean`, except where the exact mean may be a float f. Then x − μ must be 0 exactly for x = f and
// have the right sign for neighbouring floats, so μ is computed as f + (Σx − n·f)/n from the exact sum.
// `deviation` is √(S2/n).
//
// Bound: |err μ| = |err S1|/n ≤ 21u·√(S2/n) + (second order, and 2^-104·|μ| from the double-doubles). As |μ|
// ≤ 2^24·√n·deviation unless the channel is constant, 32u covers both for n below 2^100. A float other than
// the one nearest to a computed mean can lie within the bound, hence the loop: it moves to the float nearest
// to the mean just found, and ends when that is f.
DoubleDouble Summation::refined_mean(std::int64_t c, DoubleDouble mean, double deviation) const {
  auto nearest = static_cast<float>(mean.hi);
  const double distance = std::fabs((mean.hi - static_cast<double>(nearest)) + mean.lo);
  if (distance > 0x1p-48 * deviation) return mean;
  ExactSum sum;
  const float* x = x_ + layout_.channel_offset(0, c);
  layout_.for_each_piece(0, layout_.values_per_channel(), [&](const Traversal::Piece& piece) {
    for (std::int64_t i = 0; i < piece.length; ++i) sum.add(x[piece.at[0] + i * layout_.step(0)]);
  });
  for (int round = 0; round < 4; ++round) {
    ExactSum rest = sum;
    rest.subtract_multiple(nearest, layout_.values_per_channel());
    mean = two_sum(static_cast<double>(nearest), rest.value() / n());
    if (static_cast<float>(mean.hi) == nearest) break;
    nearest = static_cast<float>(mean.hi);
  }
  return mean;
}

}  // namespace

std::vector<ChannelMoments> channel_moments(const float* x, const Traversal& layout, int threads) {
  return Summation(x, layout, threads).run();
}

}  // namespace bn
