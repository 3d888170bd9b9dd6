#pragma once
/// Shapes that hit vector tails, size-1 dimensions, two values per channel, many channels; and placements.

#include "bncheck/case.hpp"
#include "bncheck/dialect.hpp"
#include "core/draws.hpp"

namespace bncheck {

struct ShapeWish {
  std::int64_t min_values = 2;  ///< values per channel
  std::int64_t max_elements = 600;
  /// Per activation, `min_values` is of each channel and position.
  Axes axes = Axes::spatial;
};

/// A shape that BatchNorm{dimensions}d takes; no dimension is empty.
Shape draw_shape(Draws& draws, int dimensions, const ShapeWish& wish = {});
/// The same with N or a spatial size 0.
Shape draw_empty_shape(Draws& draws, int dimensions);
/// Shape of another input of the layer that takes `first`: as many channels; per activation, the same positions.
Shape draw_other_shape(Draws& draws, int dimensions, const Shape& first, const ShapeWish& wish = {});
Shape draw_other_empty_shape(Draws& draws, int dimensions, const Shape& first, Axes axes);

/// Dense in logical order, dense channels-last, or any order of dimensions with gaps and an offset.
Placement draw_placement(Draws& draws, std::size_t rank);

/// Number of values per channel. Precondition: rank >= 2.
std::int64_t values_per_channel(const Shape& shape);

}  // namespace bncheck
