#include "transform.hpp"

#include <algorithm>
#include <array>

#include "parallel.hpp"

namespace bn {
namespace {

// Values of a channel per task, and per copy if they are not neighbours in memory.
constexpr std::int64_t task_values = 4096;
constexpr std::int64_t copy_values = 256;

void transform_strided(const float* x, std::int64_t x_step, float* y, std::int64_t y_step, std::int64_t count,
                       const ChannelCoefficients& channel) {
  std::array<float, copy_values> buffer;
  for (std::int64_t begin = 0; begin < count; begin += copy_values) {
    const std::int64_t length = std::min(copy_values, count - begin);
    float* values = buffer.data();
    for (std::int64_t i = 0; i < length; ++i) values[i] = x[(begin + i) * x_step];
    transform_values(values, values, static_cast<std::size_t>(length), channel);
    for (std::int64_t i = 0; i < length; ++i) y[(begin + i) * y_step] = values[i];
  }
}

void transform_channel(const float* x, float* y, const Traversal& layout, std::int64_t begin,
                       std::int64_t end, const ChannelCoefficients& channel) {
  layout.for_each_piece(begin, end, [&](const Traversal::Piece& piece) {
    if (layout.planes()) {
      transform_values(x + piece.at[0], y + piece.at[1], static_cast<std::size_t>(piece.length), channel);
    } else {
      transform_strided(x + piece.at[0], layout.step(0), y + piece.at[1], layout.step(1), piece.length,
                        channel);
    }
  });
}

}  // namespace

Coefficients::Coefficients(std::int64_t channels)
    : mean_hi_(static_cast<std::size_t>(channels)),
      mean_lo_(mean_hi_.size()),
      scale_(mean_hi_.size()),
      bias_(mean_hi_.size()) {}

void Coefficients::set(std::int64_t c, double mean_hi, double mean_lo, double invstd, float gamma,
                       float beta) {
  const auto k = static_cast<std::size_t>(c);
  mean_hi_[k] = mean_hi;
  mean_lo_[k] = mean_lo;
  scale_[k] = static_cast<double>(gamma) * invstd;
  bias_[k] = static_cast<double>(beta) + 0.0;  // turns −0 into +0, see ChannelCoefficients
}

ChannelCoefficients Coefficients::channel(std::int64_t c) const {
  const auto k = static_cast<std::size_t>(c);
  return {mean_hi_[k], mean_lo_[k], scale_[k], bias_[k]};
}

RowCoefficients Coefficients::rows() const {
  return {mean_hi_.data(), mean_lo_.data(), scale_.data(), bias_.data(), scale_.size()};
}

void transform(const float* x, float* y, const Traversal& layout, const Coefficients& coefficients,
               int threads) {
  const std::int64_t n = layout.values_per_channel();
  const std::int64_t channels = layout.channels();
  if (layout.rows()) {
    const std::int64_t task_rows = std::max<std::int64_t>(1, 4 * task_values / channels);
    parallel_for((n + task_rows - 1) / task_rows, threads, [&](std::int64_t task) {
      const std::int64_t begin = task * task_rows;
      layout.for_each_piece(begin, std::min(begin + task_rows, n), [&](const Traversal::Piece& piece) {
        transform_rows(x + piece.at[0], layout.step(0), y + piece.at[1], layout.step(1),
                       static_cast<std::size_t>(piece.length), coefficients.rows());
      });
    });
    return;
  }
  const std::int64_t tasks = (n + task_values - 1) / task_values;
  parallel_for(channels * tasks, threads, [&](std::int64_t i) {
    const std::int64_t c = i / tasks;
    const std::int64_t begin = i % tasks * task_values;
    transform_channel(x + layout.channel_offset(0, c), y + layout.channel_offset(1, c), layout, begin,
                      std::min(begin + task_values, n), coefficients.channel(c));
  });
}

}  // namespace bn
