// How the values of a channel lie in memory, for one tensor or for two of the same shape.
//
// A channel's values have a logical order, j = 0 … n−1: the batch index first, then the spatial indices, the
// last one fastest. Everything that depends on an order (blocks of sums, samples) is defined by j, so it does
// not depend on the layout.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "bn/tensor_view.hpp"

namespace bn {

class Traversal {
 public:
  /// Values j … j+length−1 of channel 0: at x + i·x_step and y + i·y_step, offsets from the data pointers.
  struct Piece {
    std::int64_t j, x, y, length;
  };

  /// Both views have the rank, shape and at least one element per channel. Pass one view twice to walk it
  /// alone.
  Traversal(TensorView<const float> x, TensorView<const float> y);

  [[nodiscard]] std::int64_t channels() const { return channels_; }
  [[nodiscard]] std::int64_t values_per_channel() const { return n_; }
  [[nodiscard]] std::int64_t x_step() const { return dims_[static_cast<std::size_t>(rank_ - 1)].x; }
  [[nodiscard]] std::int64_t y_step() const { return dims_[static_cast<std::size_t>(rank_ - 1)].y; }
  [[nodiscard]] std::int64_t x_channel(std::int64_t c) const { return c * channel_x_; }
  [[nodiscard]] std::int64_t y_channel(std::int64_t c) const { return c * channel_y_; }

  /// Consecutive values of a channel are neighbours, as in a contiguous (N, C, …) tensor.
  [[nodiscard]] bool planes() const { return x_step() == 1 && y_step() == 1 && inner() > 1; }
  /// Channels are neighbours, as in a channels-last or (N, C) tensor.
  [[nodiscard]] bool rows() const { return channels_ > 1 && channel_x_ == 1 && channel_y_ == 1; }

  /// Calls visit(piece) for the pieces of values [begin, end), in order.
  template <class Visit>
  void for_each_piece(std::int64_t begin, std::int64_t end, const Visit& visit) const {
    while (begin < end) {
      Piece piece = piece_at(begin);
      piece.length = std::min(piece.length, end - begin);
      visit(piece);
      begin += piece.length;
    }
  }

  /// The longest piece that begins at value j; its x and y are also the offsets of that value.
  [[nodiscard]] Piece piece_at(std::int64_t j) const;

 private:
  struct Dimension {
    std::int64_t size, x, y;  // size and strides
  };
  void append(const Dimension& dimension);
  [[nodiscard]] std::int64_t inner() const { return dims_[static_cast<std::size_t>(rank_ - 1)].size; }

  std::array<Dimension, max_rank> dims_{};  // outermost first, merged where strides allow, at least one
  int rank_ = 0;
  std::int64_t channels_, channel_x_, channel_y_;
  std::int64_t n_ = 1;
};

}  // namespace bn
