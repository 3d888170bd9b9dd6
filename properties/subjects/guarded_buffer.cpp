#include "subjects/guarded_buffer.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace bncheck {
namespace {

/// Elements of each guard zone: more than any vector is long.
constexpr std::size_t zone = 64;

}  // namespace

GuardedBuffer::GuardedBuffer(const Shape& shape, std::vector<std::int64_t> strides, std::int64_t extent)
    : shape_(shape),
      strides_(std::move(strides)),
      first_(zone),
      memory_(2 * zone + static_cast<std::size_t>(extent), std::bit_cast<float>(tell_tale)),
      original_(memory_bits()) {}

GuardedBuffer::GuardedBuffer(const Shape& shape, const Placement& placement)
    : shape_(shape),
      strides_(strides_of(placement, shape)),
      first_(zone + static_cast<std::size_t>(placement.offset)),
      memory_(2 * zone + static_cast<std::size_t>(placement.offset + extent_of(placement, shape)),
              std::bit_cast<float>(tell_tale)),
      original_(memory_bits()) {}

GuardedBuffer::GuardedBuffer(const Tensor& tensor, const Placement& placement)
    : GuardedBuffer(tensor.shape, placement) {
  const std::vector<std::size_t> at = positions();
  const std::span<const float> values = tensor.floats();
  for (std::size_t i = 0; i < at.size() && i < values.size(); ++i) {
    // As bits: a signalling NaN must arrive unharmed.
    std::memcpy(&memory_[at[i]], &values[i], sizeof(float));
  }
  original_ = memory_bits();
}

std::vector<std::uint32_t> GuardedBuffer::memory_bits() const {
  std::vector<std::uint32_t> bits(memory_.size());
  std::memcpy(bits.data(), memory_.data(), memory_.size() * sizeof(float));
  return bits;
}

std::vector<std::size_t> GuardedBuffer::positions() const {
  std::vector<std::size_t> at{first_};
  for (std::size_t k = 0; k < shape_.size(); ++k) {
    std::vector<std::size_t> longer;
    longer.reserve(at.size() * static_cast<std::size_t>(shape_[k]));
    for (const std::size_t base : at) {
      for (std::int64_t i = 0; i < shape_[k]; ++i)
        longer.push_back(base + static_cast<std::size_t>(i * strides_[k]));
    }
    at = std::move(longer);
  }
  return at;
}

Tensor GuardedBuffer::gather(std::size_t shift) const {
  const std::vector<std::size_t> at = positions();
  Tensor tensor{Dtype::f32, shape_, std::vector<std::byte>(at.size() * sizeof(float))};
  for (std::size_t i = 0; i < at.size(); ++i) {
    std::memcpy(tensor.bytes.data() + i * sizeof(float), &memory_[at[i] + shift], sizeof(float));
  }
  return tensor;
}

bool GuardedBuffer::guards_intact(std::size_t shift) const {
  std::vector<bool> element(memory_.size(), false);
  for (const std::size_t at : positions()) element[at] = element[at + shift] = true;
  const std::vector<std::uint32_t> bits = memory_bits();
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (!element[i] && bits[i] != tell_tale) return false;
  }
  return true;
}

}  // namespace bncheck
