#pragma once
/// Memory for one tensor as a Placement asks for it, between guard zones.
///
/// Guard zones and the gaps between elements hold a NaN with a tell-tale payload: what reads them produces
/// NaN, and what writes them is found. Nothing is copied behind the subject's back: it gets this very memory.

#include <cstdint>
#include <vector>

#include "bncheck/case.hpp"

namespace bncheck {

class GuardedBuffer {
 public:
  /// Places the tensor's values.
  GuardedBuffer(const Tensor& tensor, const Placement& placement);
  /// Room for a tensor of this shape, holding the tell-tale everywhere.
  GuardedBuffer(const Shape& shape, const Placement& placement);
  /// A strided view of given strides that fit no Placement (a y that overlaps itself).
  GuardedBuffer(const Shape& shape, std::vector<std::int64_t> strides, std::int64_t extent);

  float* data() { return memory_.data() + first_; }
  const Shape& shape() const { return shape_; }
  const std::vector<std::int64_t>& strides() const { return strides_; }

  /// The values in logical order, each `shift` elements after its place.
  Tensor gather(std::size_t shift = 0) const;
  /// Guard zones and gaps are as they were, apart from a second tensor that lies `shift` elements further.
  bool guards_intact(std::size_t shift = 0) const;
  /// Every word is as it was.
  bool unchanged() const { return memory_bits() == original_; }

  /// The word that guard zones and fresh buffers hold, a quiet NaN.
  static constexpr std::uint32_t tell_tale = 0x7fe5a5a5;

 private:
  std::vector<std::uint32_t> memory_bits() const;
  std::vector<std::size_t> positions() const;

  Shape shape_;
  std::vector<std::int64_t> strides_;
  std::size_t first_ = 0;
  std::vector<float> memory_;
  std::vector<std::uint32_t> original_;
};

}  // namespace bncheck
