#include "generate/shapes.hpp"

#include <algorithm>

namespace bncheck {
namespace {

/// Size of a dimension, at most `limit`. Sizes 1 to 3 and those around powers of two are more frequent,
/// because vector loops have their tails there.
std::int64_t draw_extent(Draws& draws, std::int64_t limit) {
  limit = std::max<std::int64_t>(limit, 1);
  std::int64_t extent = 1;
  switch (draws.below(4)) {
    case 0:
      extent = draws.between(1, 3);
      break;
    case 1:
      // Two statements, because the order in which the operands of a sum are evaluated is unspecified.
      extent = std::int64_t{1} << draws.between(1, 8);
      extent += draws.between(-1, 1);
      break;
    default:
      extent = draws.between(1, 40);
      break;
  }
  return std::clamp<std::int64_t>(extent, 1, limit);
}

}  // namespace

std::int64_t values_per_channel(const Shape& shape) {
  std::int64_t values = shape[0];
  for (std::size_t k = 2; k < shape.size(); ++k) values *= shape[k];
  return values;
}

Shape draw_shape(Draws& draws, int dimensions, const ShapeWish& wish) {
  const std::size_t rank =
      dimensions == 1 ? (draws.chance(1, 2) ? 2 : 3) : static_cast<std::size_t>(dimensions) + 2;
  std::int64_t budget = std::max<std::int64_t>(wish.max_elements * draws.size() / 100, 2 * wish.min_values);
  Shape shape(rank, 1);
  // The number of channels is usually small, so that most elements are values of a channel.
  const std::int64_t most_channels = draws.chance(1, 8) ? budget / wish.min_values : 6;
  shape[1] = draws.between(1, std::max<std::int64_t>(std::min(most_channels, budget / wish.min_values), 1));
  budget /= shape[1];
  // The other dimensions are drawn from a random one onwards, so that any of them can be the long one.
  const std::size_t first = static_cast<std::size_t>(draws.below(rank - 1));
  for (std::size_t k = 0; k + 1 < rank; ++k) {
    const std::size_t position = (first + k) % (rank - 1);
    const std::size_t dimension = position == 0 ? 0 : position + 1;
    shape[dimension] = draw_extent(draws, budget);
    budget /= shape[dimension];
  }
  const std::int64_t values = wish.axes == Axes::spatial ? values_per_channel(shape) : shape[0];
  if (values < wish.min_values) shape[0] = wish.min_values;
  return shape;
}

Shape draw_other_shape(Draws& draws, int dimensions, const Shape& first, const ShapeWish& wish) {
  Shape shape = draw_shape(draws, dimensions, wish);
  shape[1] = first[1];
  if (wish.axes == Axes::spatial) return shape;
  const std::int64_t samples = shape[0];
  shape = first;
  shape[0] = samples;
  return shape;
}

Shape draw_empty_shape(Draws& draws, int dimensions) {
  Shape shape = draw_shape(draws, dimensions);
  const std::size_t position = static_cast<std::size_t>(draws.below(shape.size() - 1));
  shape[position == 0 ? 0 : position + 1] = 0;
  return shape;
}

Shape draw_other_empty_shape(Draws& draws, int dimensions, const Shape& first, Axes axes) {
  Shape shape = axes == Axes::spatial ? draw_empty_shape(draws, dimensions) : first;
  shape[1] = first[1];
  // An empty spatial dimension would leave no statistics.
  if (axes == Axes::per_activation) shape[0] = 0;
  return shape;
}

Placement draw_placement(Draws& draws, std::size_t rank) {
  switch (draws.below(4)) {
    case 0:
      return {};
    case 1:
      return channels_last(rank);
    default:
      break;
  }
  Placement placement;
  for (std::size_t k = 0; k < rank; ++k) placement.order.push_back(static_cast<int>(k));
  for (std::size_t k = rank; k > 1; --k) {
    std::swap(placement.order[k - 1], placement.order[static_cast<std::size_t>(draws.below(k))]);
  }
  for (std::size_t k = 0; k < rank; ++k) {
    placement.gaps.push_back(draws.chance(1, 2) ? 0 : draws.between(1, 5));
  }
  placement.offset = draws.between(0, 9);
  return placement;
}

}  // namespace bncheck
