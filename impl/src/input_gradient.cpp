#include "input_gradient.hpp"

#include <algorithm>
#include <array>

#include "parallel.hpp"

namespace bn {
namespace {

// Values of a channel per task, and per copy if they are not neighbours in memory.
constexpr std::int64_t task_values = 4096;
constexpr std::int64_t copy_values = 256;

struct Channel {
  const float* x;
  const float* dy;
  float* dx;
};

void gathered_gradient(const Channel& data, const Traversal& layout, std::int64_t begin, std::int64_t end,
                       const ChannelGradient& channel) {
  std::array<float, copy_values> x;
  std::array<float, copy_values> dy;
  for (; begin < end; begin += copy_values) {
    const std::int64_t stop = std::min(begin + copy_values, end);
    layout.gather(data.x, 0, begin, stop, x.data());
    layout.gather(data.dy, 1, begin, stop, dy.data());
    gradient_values(x.data(), dy.data(), dy.data(), static_cast<std::size_t>(stop - begin), channel);
    layout.scatter(dy.data(), 2, begin, stop, data.dx);
  }
}

void channel_gradient(const Channel& data, const Traversal& layout, std::int64_t begin, std::int64_t end,
                      const ChannelGradient& channel) {
  if (!layout.planes()) {
    gathered_gradient(data, layout, begin, end, channel);
    return;
  }
  layout.for_each_piece(begin, end, [&](const Traversal::Piece& piece) {
    gradient_values(data.x + piece.at[0], data.dy + piece.at[1], data.dx + piece.at[2],
                    static_cast<std::size_t>(piece.length), channel);
  });
}

}  // namespace

ChannelGradient GradientTable::channel(std::int64_t c) const {
  const auto k = static_cast<std::size_t>(c);
  return {means.channel(c), slope[k], scale[k]};
}

RowGradients GradientTable::rows() const {
  return {means.rows(), slope.data(), scale.data(), slope.size()};
}

void input_gradient(const float* x, const float* dy, float* dx, const Traversal& layout,
                    const GradientTable& table, int threads) {
  const std::int64_t n = layout.values_per_channel();
  const std::int64_t channels = layout.channels();
  if (layout.rows()) {
    const std::int64_t task_rows = std::max<std::int64_t>(1, 4 * task_values / channels);
    parallel_for((n + task_rows - 1) / task_rows, threads, [&](std::int64_t task) {
      const std::int64_t begin = task * task_rows;
      layout.for_each_piece(begin, std::min(begin + task_rows, n), [&](const Traversal::Piece& piece) {
        gradient_rows({x + piece.at[0], layout.step(0)}, {dy + piece.at[1], layout.step(1)},
                      {dx + piece.at[2], layout.step(2)}, static_cast<std::size_t>(piece.length),
                      table.rows());
      });
    });
    return;
  }
  const std::int64_t tasks = (n + task_values - 1) / task_values;
  parallel_for(channels * tasks, threads, [&](std::int64_t i) {
    const std::int64_t c = i / tasks;
    const std::int64_t begin = i % tasks * task_values;
    const Channel data{x + layout.channel_offset(0, c), dy + layout.channel_offset(1, c),
                       dx + layout.channel_offset(2, c)};
    channel_gradient(data, layout, begin, std::min(begin + task_values, n), table.channel(c));
  });
}

}  // namespace bn
