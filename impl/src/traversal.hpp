// Order and places of a channel's values in memory, for up to three tensors of one shape.
//
// The values of a channel have a logical order, j = 0 … n−1: the batch index first, then the spatial indices,
// the last one fastest. Everything that depends on an order (blocks of sums, samples) is defined by j, so it
// does not depend on the layout.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>

#include "bn/tensor_view.hpp"

namespace bn {

class Traversal {
 public:
  static constexpr std::size_t max_tensors = 3;
  /// One offset or stride for each tensor, in the order in which the constructor got them.
  using PerTensor = std::array<std::int64_t, max_tensors>;

  /// Values j … j+length−1 of channel 0: in tensor t they are at at[t] + i·step(t), offsets from its data
  /// pointer.
  struct Piece {
    std::int64_t j, length;
    PerTensor at;
  };

  /// Traversal of one to three views of equal rank and shape, with at least one element per channel.
  Traversal(std::initializer_list<TensorView<const float>> tensors);

  [[nodiscard]] std::int64_t channels() const { return channels_; }
  [[nodiscard]] std::int64_t values_per_channel() const { return n_; }
  [[nodiscard]] std::int64_t step(std::size_t tensor) const { return innermost().strides[tensor]; }
  [[nodiscard]] std::int64_t channel_offset(std::size_t tensor, std::int64_t c) const {
    return c * channel_strides_[tensor];
  }

  /// Whether consecutive values of a channel are neighbours in every tensor, as in a contiguous (N, C, …)
  /// one.
  [[nodiscard]] bool planes() const { return all_one(innermost().strides) && innermost().size > 1; }
  /// Whether channels are neighbours in every tensor, as in a channels-last or (N, C) one.
  [[nodiscard]] bool rows() const { return channels_ > 1 && all_one(channel_strides_); }

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

  /// The longest piece that begins at value j; `at` is also where the tensors have that value.
  [[nodiscard]] Piece piece_at(std::int64_t j) const;

  /// Copies values [begin, end) of a channel of one tensor to `values`, and back. `channel` is the address of
  /// the channel, data + channel_offset.
  void gather(const float* channel, std::size_t tensor, std::int64_t begin, std::int64_t end,
              float* values) const;
  void scatter(const float* values, std::size_t tensor, std::int64_t begin, std::int64_t end,
               float* channel) const;

 private:
  struct Dimension {
    std::int64_t size;
    PerTensor strides;
  };
  void append(const Dimension& dimension);
  [[nodiscard]] const Dimension& innermost() const { return dims_[static_cast<std::size_t>(rank_ - 1)]; }
  [[nodiscard]] bool all_one(const PerTensor& strides) const {
    return std::all_of(strides.begin(), strides.begin() + count_, [](std::int64_t s) { return s == 1; });
  }

  std::ptrdiff_t count_;                    // number of tensors; strides of further ones are 0
  std::array<Dimension, max_rank> dims_{};  // outermost first, merged where strides allow, at least one
  int rank_ = 0;
  std::int64_t channels_;
  PerTensor channel_strides_;
  std::int64_t n_ = 1;
};

}  // namespace bn
