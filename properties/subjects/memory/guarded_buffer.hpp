#pragma once
/// Memory for one tensor in the layout of a Placement, between guard zones.
///
/// Guard zones and the gaps between elements hold a NaN with a tell-tale payload: a read of them produces
/// NaN, and a write to them is found. The subject gets this memory itself, not a copy.

#include <cstdint>
#include <vector>

#include "bncheck/case.hpp"

namespace bncheck {

/// Offsets of all elements from the first one, in logical order.
std::vector<std::int64_t> offsets_of(const Shape& shape, const std::vector<std::int64_t>& strides);

class GuardedBuffer {
 public:
  /// Memory with the values of the tensor.
  GuardedBuffer(const Tensor& tensor, const Placement& placement);
  /// Memory for a tensor of this shape, with the tell-tale in every element.
  GuardedBuffer(const Shape& shape, const Placement& placement, Dtype dtype = Dtype::f32);
  /// Memory with strides that no Placement describes (a y that overlaps itself).
  GuardedBuffer(const Shape& shape, std::vector<std::int64_t> strides, std::int64_t extent,
                Dtype dtype = Dtype::f32);

  /// The first element. Precondition: dtype is f32.
  float* data() { return reinterpret_cast<float*>(first()); }
  void* first() { return memory_.data() + first_ * size_of(dtype_); }
  Dtype dtype() const { return dtype_; }
  /// Number of bytes from the first element to the guard zone behind the tensor.
  std::size_t bytes() const { return memory_.size() - (first_ + zone) * size_of(dtype_); }
  const Shape& shape() const { return shape_; }
  const std::vector<std::int64_t>& strides() const { return strides_; }

  /// Values in logical order, each read `shift` elements after its place.
  Tensor gather(std::size_t shift = 0) const;
  /// Whether guard zones and gaps are unchanged, apart from a second tensor that lies `shift` elements
  /// further.
  bool guards_intact(std::size_t shift = 0) const;
  /// Whether all of the memory is unchanged.
  bool unchanged() const { return memory_ == original_; }

  /// Tell-tale of float32 in guard zones and fresh buffers: a quiet NaN.
  static constexpr std::uint32_t tell_tale = 0x7fe5a5a5;
  /// Number of elements of a guard zone, more than the longest vector has.
  static constexpr std::size_t zone = 64;

 private:
  GuardedBuffer(const Shape& shape, std::vector<std::int64_t> strides, std::size_t first,
                std::size_t elements, Dtype dtype);
  std::vector<std::size_t> positions() const;
  /// Whether elements follow each other in logical order, without gaps. Large tensors are then copied as a
  /// whole.
  bool dense() const { return strides_ == strides_of({}, shape_); }
  std::size_t count() const { return static_cast<std::size_t>(element_count(shape_).value_or(0)); }

  Shape shape_;
  std::vector<std::int64_t> strides_;
  Dtype dtype_;
  std::size_t first_;  ///< index of the first element
  // Memory from operator new, aligned for any scalar.
  std::vector<std::byte> memory_, original_;
};

}  // namespace bncheck
