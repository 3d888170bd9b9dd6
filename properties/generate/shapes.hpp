#pragma once
/// Generators of shapes (lengths around those of vectors, dimensions of size 1, two values per channel, many
/// channels) and of placements.

#include "bncheck/case.hpp"
#include "bncheck/dialect.hpp"
#include "core/draws.hpp"

namespace bncheck {

struct ShapeWish {
  std::int64_t min_values = 2;      ///< fewest values per statistic
  std::int64_t max_elements = 600;  ///< at full size; a shape may exceed it to reach min_values
  Axes axes = Axes::spatial;        ///< axes of the statistics that min_values is about
};

/// Shape that BatchNorm{dimensions}d accepts, without empty dimensions.
Shape draw_shape(Draws& draws, int dimensions, const ShapeWish& wish = {});
/// Shape with N = 0 or one spatial size of 0.
Shape draw_empty_shape(Draws& draws, int dimensions);
/// Shape of another input of the layer that accepts `first`: the same number of channels and, per activation,
/// the same positions.
Shape draw_other_shape(Draws& draws, int dimensions, const Shape& first, const ShapeWish& wish = {});
Shape draw_other_empty_shape(Draws& draws, int dimensions, const Shape& first, Axes axes);

/// Placement that is dense in logical order, dense channels-last, or in any order of dimensions with gaps and
/// an offset.
Placement draw_placement(Draws& draws, std::size_t rank);

/// Number of values per channel. Precondition: rank ≥ 2.
std::int64_t values_per_channel(const Shape& shape);

}  // namespace bncheck
