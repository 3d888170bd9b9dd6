#include "traversal.hpp"

namespace bn {

Traversal::Traversal(TensorView<const float> x, TensorView<const float> y)
    : channels_(x.sizes[1]), channel_x_(x.strides[1]), channel_y_(y.strides[1]) {
  for (std::size_t k = 0; k < static_cast<std::size_t>(x.rank); ++k) {
    if (k == 1) continue;
    n_ *= x.sizes[k];
    if (x.sizes[k] > 1) append({x.sizes[k], x.strides[k], y.strides[k]});
  }
  if (rank_ == 0) append({1, 1, 1});
}

// Two dimensions are one where stepping over the whole inner one is a step of the outer one, in both tensors.
void Traversal::append(const Dimension& dimension) {
  if (rank_ > 0) {
    Dimension& outer = dims_[static_cast<std::size_t>(rank_ - 1)];
    if (outer.x == dimension.size * dimension.x && outer.y == dimension.size * dimension.y) {
      outer = {outer.size * dimension.size, dimension.x, dimension.y};
      return;
    }
  }
  dims_[static_cast<std::size_t>(rank_++)] = dimension;
}

Traversal::Piece Traversal::piece_at(std::int64_t j) const {
  std::int64_t rest = j;
  Piece piece{j, 0, 0, 0};
  for (std::size_t k = static_cast<std::size_t>(rank_); k-- > 0;) {
    const Dimension& dimension = dims_[k];
    const std::int64_t index = rest % dimension.size;
    rest /= dimension.size;
    piece.x += index * dimension.x;
    piece.y += index * dimension.y;
    if (k + 1 == static_cast<std::size_t>(rank_)) piece.length = dimension.size - index;
  }
  return piece;
}

}  // namespace bn
