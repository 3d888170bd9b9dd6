// Error of Σ(dy − m)(x − μ), with u = 2^-53. The roundings of a difference cause a relative error of at most
// 2u (backward_kernels.hpp), so the error of a product is at most 2u + 2u + u = 5u. The sum of a block adds
// 20u·Σ|terms| (sum_kernels.hpp), and blocks are folded with compensation. Together these errors are at most
// 26u·Σ|(dy − m)(x − μ)|. The errors of the means come on top. An error e of m changes the sum by −e·Σ(x − μ)
// = 0, and an error of μ likewise, so only the product of both errors remains: n·2^-100·σ_dy·σ_x.
#include "gradient_sums.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "parallel.hpp"
#include "rounding.hpp"

namespace bn {
namespace {

class Products {
 public:
  Products(const float* x, const float* dy, const Traversal& layout, const Means& means)
      : x_(x),
        dy_(dy),
        layout_(layout),
        means_(means),
        blocks_((layout.values_per_channel() + block_values - 1) / block_values),
        sums_(static_cast<std::size_t>(layout.channels() * blocks_)) {}

  std::vector<double> run(int threads) {
    const std::int64_t channels = layout_.channels();
    if (layout_.rows()) {
      constexpr auto width = static_cast<std::int64_t>(tile_channels);
      const std::int64_t tiles = (channels + width - 1) / width;
      parallel_for(tiles * blocks_, threads, [&](std::int64_t i) { sum_tile(i % tiles * width, i / tiles); });
    } else {
      parallel_for(channels * blocks_, threads,
                   [&](std::int64_t i) { sum_channel(i / blocks_, i % blocks_); });
    }
    std::vector<double> totals(static_cast<std::size_t>(channels));
    for (std::int64_t c = 0; c < channels; ++c) {
      CompensatedSum total;
      for (std::int64_t block = 0; block < blocks_; ++block) total.add(sum(c, block));
      totals[static_cast<std::size_t>(c)] = total.value().hi;
    }
    return totals;
  }

 private:
  double& sum(std::int64_t c, std::int64_t block) {
    return sums_[static_cast<std::size_t>(c * blocks_ + block)];
  }
  void sum_channel(std::int64_t c, std::int64_t block);
  void sum_tile(std::int64_t first_channel, std::int64_t block);

  const float* x_;
  const float* dy_;
  const Traversal& layout_;
  const Means& means_;
  std::int64_t blocks_;
  std::vector<double> sums_;
};

void Products::sum_channel(std::int64_t c, std::int64_t block) {
  const float* x = x_ + layout_.channel_offset(0, c);
  const float* dy = dy_ + layout_.channel_offset(1, c);
  const std::int64_t begin = block * block_values;
  const std::int64_t end = std::min(begin + block_values, layout_.values_per_channel());
  const auto count = static_cast<std::size_t>(end - begin);
  const Traversal::Piece whole = layout_.piece_at(begin);
  if (layout_.planes() && whole.length >= end - begin) {
    sum(c, block) = product_block(x + whole.at[0], dy + whole.at[1], count, means_.channel(c));
    return;
  }
  std::array<float, block_values> x_values;
  std::array<float, block_values> dy_values;
  layout_.gather(x, 0, begin, end, x_values.data());
  layout_.gather(dy, 1, begin, end, dy_values.data());
  sum(c, block) = product_block(x_values.data(), dy_values.data(), count, means_.channel(c));
}

void Products::sum_tile(std::int64_t first_channel, std::int64_t block) {
  const std::int64_t width =
      std::min(static_cast<std::int64_t>(tile_channels), layout_.channels() - first_channel);
  const std::int64_t begin = block * block_values;
  const std::int64_t end = std::min(begin + block_values, layout_.values_per_channel());
  TileProducts tile;
  layout_.for_each_piece(begin, end, [&](const Traversal::Piece& piece) {
    add_product_rows({x_ + piece.at[0] + first_channel, layout_.step(0)},
                     {dy_ + piece.at[1] + first_channel, layout_.step(1)},
                     static_cast<std::size_t>(piece.length), static_cast<std::size_t>(piece.j - begin),
                     static_cast<std::size_t>(width), means_.rows(first_channel), tile);
  });
  for (std::int64_t c = 0; c < width; ++c) {
    sum(first_channel + c, block) = tile.channel(static_cast<std::size_t>(c));
  }
}

// Sum of values of which at least one is not finite. The finite ones do not matter.
float extended_sum(const float* channel, const Traversal& layout) {
  double sum = 0.0;  // 0, ±∞ or NaN
  layout.for_each_piece(0, layout.values_per_channel(), [&](const Traversal::Piece& piece) {
    for (std::int64_t i = 0; i < piece.length; ++i) {
      const float value = channel[piece.at[0] + i * layout.step(0)];
      if (!std::isfinite(value)) sum += static_cast<double>(value);
    }
  });
  return rounded(sum);
}

// Sum of finite values, n·μ. It is exact except for the roundings of its low-order part, so its error is n
// times that of μ, n·2^-50·σ. If μ is exactly 0, so is the sum.
float finite_sum(DoubleDouble mean, double n) {
  const double product = n * mean.hi;
  const double rest = std::fma(n, mean.hi, -product) + n * mean.lo;
  return rounded(product + rest);
}

}  // namespace

Means::Means(std::int64_t channels)
    : x_hi_(static_cast<std::size_t>(channels)),
      x_lo_(x_hi_.size()),
      dy_hi_(x_hi_.size()),
      dy_lo_(x_hi_.size()) {}

Means::Means(const std::vector<ChannelMoments>& x, const std::vector<ChannelMoments>& dy)
    : Means(std::ssize(x)) {
  for (std::size_t c = 0; c < x.size(); ++c) set(static_cast<std::int64_t>(c), {x[c].mean, dy[c].mean});
}

void Means::set(std::int64_t c, const MeanPair& means) {
  const auto k = static_cast<std::size_t>(c);
  x_hi_[k] = means.x.hi;
  x_lo_[k] = means.x.lo;
  dy_hi_[k] = means.dy.hi;
  dy_lo_[k] = means.dy.lo;
}

MeanPair Means::channel(std::int64_t c) const {
  const auto k = static_cast<std::size_t>(c);
  return {{x_hi_[k], x_lo_[k]}, {dy_hi_[k], dy_lo_[k]}};
}

MeanRows Means::rows(std::int64_t first) const {
  return {x_hi_.data() + first, x_lo_.data() + first, dy_hi_.data() + first, dy_lo_.data() + first};
}

std::vector<double> product_sums(const float* x, const float* dy, const Traversal& layout, const Means& means,
                                 int threads) {
  return Products(x, dy, layout, means).run(threads);
}

std::vector<float> value_sums(const float* dy, const Traversal& layout,
                              const std::vector<ChannelMoments>& moments, int threads) {
  std::vector<float> sums(moments.size());
  std::vector<std::int64_t> not_finite;  // channels
  for (std::size_t c = 0; c < sums.size(); ++c) {
    const DoubleDouble mean = moments[c].mean;
    sums[c] = finite_sum(mean, static_cast<double>(layout.values_per_channel()));
    if (!std::isfinite(mean.hi)) not_finite.push_back(static_cast<std::int64_t>(c));
  }
  parallel_for(std::ssize(not_finite), threads, [&](std::int64_t i) {
    const std::int64_t c = not_finite[static_cast<std::size_t>(i)];
    sums[static_cast<std::size_t>(c)] = extended_sum(dy + layout.channel_offset(0, c), layout);
  });
  return sums;
}

}  // namespace bn
