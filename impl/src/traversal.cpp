#include "traversal.hpp"

namespace bn {
namespace {

Traversal::PerTensor strides_of(std::initializer_list<TensorView<const float>> tensors,
                                std::size_t dimension) {
  Traversal::PerTensor strides{};
  std::ranges::transform(tensors, strides.begin(),
                         [=](const TensorView<const float>& view) { return view.strides[dimension]; });
  return strides;
}

}  // namespace

Traversal::Traversal(std::initializer_list<TensorView<const float>> tensors)
    : count_(std::ssize(tensors)),
      channels_(tensors.begin()->sizes[1]),
      channel_strides_(strides_of(tensors, 1)) {
  const TensorView<const float>& shape = *tensors.begin();
  for (std::size_t k = 0; k < static_cast<std::size_t>(shape.rank); ++k) {
    if (k == 1) continue;
    n_ *= shape.sizes[k];
    if (shape.sizes[k] > 1) append({shape.sizes[k], strides_of(tensors, k)});
  }
  if (rank_ == 0) append({1, {1, 1, 1}});
}

// Two dimensions are merged if stepping over the whole inner one equals one step of the outer one, in all
// tensors.
void Traversal::append(const Dimension& dimension) {
  if (rank_ > 0) {
    Dimension& outer = dims_[static_cast<std::size_t>(rank_ - 1)];
    const bool continues = std::ranges::equal(
        outer.strides, dimension.strides,
        [&](std::int64_t over, std::int64_t inner) { return over == dimension.size * inner; });
    if (continues) {
      outer = {outer.size * dimension.size, dimension.strides};
      return;
    }
  }
  dims_[static_cast<std::size_t>(rank_++)] = dimension;
}

Traversal::Piece Traversal::piece_at(std::int64_t j) const {
  std::int64_t rest = j;
  Piece piece{j, 0, {}};
  for (std::size_t k = static_cast<std::size_t>(rank_); k-- > 0;) {
    const Dimension& dimension = dims_[k];
    const std::int64_t index = rest % dimension.size;
    rest /= dimension.size;
    for (std::size_t t = 0; t < max_tensors; ++t) piece.at[t] += index * dimension.strides[t];
    if (k + 1 == static_cast<std::size_t>(rank_)) piece.length = dimension.size - index;
  }
  return piece;
}

void Traversal::gather(const float* channel, std::size_t tensor, std::int64_t begin, std::int64_t end,
                       float* values) const {
  for_each_piece(begin, end, [&](const Piece& piece) {
    const float* from = channel + piece.at[tensor];
    for (std::int64_t i = 0; i < piece.length; ++i) values[piece.j - begin + i] = from[i * step(tensor)];
  });
}

void Traversal::scatter(const float* values, std::size_t tensor, std::int64_t begin, std::int64_t end,
                        float* channel) const {
  for_each_piece(begin, end, [&](const Piece& piece) {
    float* to = channel + piece.at[tensor];
    for (std::int64_t i = 0; i < piece.length; ++i) to[i * step(tensor)] = values[piece.j - begin + i];
  });
}

}  // namespace bn
