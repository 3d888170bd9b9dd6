#pragma once
/// Memory for one tensor as a Placement asks for it, between guard zones.
///
/// Guard zones and the gaps between elements hold a NaN with a tell-tale payload: what reads them produces
/// NaN, and what writes them is found. Nothing is copied behind the subject's back: it gets this very memory.

#include <cstdint>
#include <vector>

#include "bncheck/case.hpp"

namespace bncheck {

/// Of every element, in logical order, from the first one.
std::vector<std::int64_t> offsets_of(const Shape& shape, const std::vector<std::int64_t>& strides);

class GuardedBuffer {
 public:
  /// Places the tensor's values.
  GuardedBuffer(const Tensor& tensor, const Placement& placement);
  /// Room for a tensor of this shape, holding the tell-tale everywhere.
  GuardedBuffer(const Shape& shape, const Placement& placement, Dtype dtype = Dtype::f32);
  /// A strided view of given strides that fit no Placement (a y that overlaps itself).
  GuardedBuffer(const Shape& shape, std::vector<std::int64_t> strides, std::int64_t extent,
                Dtype dtype = Dtype::f32);

  /// The first element. Precondition: dtype is f32.
  float* data() { return reinterpret_cast<float*>(first()); }
  void* first() { return memory_.data() + first_ * size_of(dtype_); }
  Dtype dtype() const { return dtype_; }
  /// From the first element on, before the guard zone.
  std::size_t bytes() const { return memory_.size() - (first_ + zone) * size_of(dtype_); }
  const Shape& shape() const { return shape_; }
  const std::vector<std::int64_t>& strides() const { return strides_; }

  /// The values in logical order, each `shift` elements after its place.
  Tensor gather(std::size_t shift = 0) const;
  /// Guard zones and gaps are as they were, apart from a second tensor that lies `shift` elements further.
  bool guards_intact(std::size_t shift = 0) const;
  /// Every word is as it was.
  bool unchanged() const { return memory_ == original_; }

  /// The word that guard zones and fresh buffers of floats hold, a quiet NaN.
  static constexpr std::uint32_t tell_tale = 0x7fe5a5a5;
  /// Elements of each guard zone: more than any vector is long.
  static constexpr std::size_t zone = 64;

 private:
  GuardedBuffer(const Shape& shape, std::vector<std::int64_t> strides, std::size_t first,
                std::size_t elements, Dtype dtype);
  std::vector<std::size_t> positions() const;
  /// Elements follow each other in logical order, without gaps: large tensors are then copied whole.
  bool dense() const { return strides_ == strides_of({}, shape_); }
  std::size_t count() const { return static_cast<std::size_t>(element_count(shape_).value_or(0)); }

  Shape shape_;
  std::vector<std::int64_t> strides_;
  Dtype dtype_;
  std::size_t first_;  ///< in elements
  // From operator new: aligned for any scalar.
  std::vector<std::byte> memory_, original_;
};

}  // namespace bncheck
