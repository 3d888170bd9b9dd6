#pragma once
/// Shapes that hit vector tails, size-1 dimensions, two values per channel, many channels; and placements.

#include "bncheck/case.hpp"
#include "core/draws.hpp"

namespace bncheck {

struct ShapeWish {
  std::int64_t min_values = 2;  ///< values per channel
  std::int64_t max_elements = 600;
};

/// A shape that BatchNorm{dimensions}d takes; no dimension is empty.
Shape draw_shape(Draws& draws, int dimensions, const ShapeWish& wish = {});
/// The same with N or a spatial size 0.
Shape draw_empty_shape(Draws& draws, int dimensions);

/// Dense in logical order, dense channels-last, or any order of dimensions with gaps and an offset.
Placement draw_placement(Draws& draws, std::size_t rank);

/// Number of values per channel. Precondition: rank >= 2.
std::int64_t values_per_channel(const Shape& shape);

}  // namespace bncheck
