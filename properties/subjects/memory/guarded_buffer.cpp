#include "subjects/memory/guarded_buffer.hpp"

#include <algorithm>
#include <cstring>

namespace bncheck {
namespace {

/// Elements that all hold the tell-tale: a quiet NaN with a payload, one for each size of element.
std::vector<std::byte> tell_tales(std::size_t elements, Dtype dtype) {
  const std::uint64_t wide = 0x7ffe5a5a5a5a5a5a;
  const std::uint32_t single = GuardedBuffer::tell_tale;
  const std::uint16_t half = 0x7fe5;
  const std::size_t size = size_of(dtype);
  const void* element = &single;
  if (size == sizeof wide) element = &wide;
  if (size == sizeof half) element = &half;
  std::vector<std::byte> bytes(elements * size);
  for (std::size_t i = 0; i < elements; ++i) std::memcpy(bytes.data() + i * size, element, size);
  return bytes;
}

}  // namespace

std::vector<std::int64_t> offsets_of(const Shape& shape, const std::vector<std::int64_t>& strides) {
  std::vector<std::int64_t> offsets{0};
  for (std::size_t k = 0; k < shape.size(); ++k) {
    std::vector<std::int64_t> longer;
    longer.reserve(offsets.size() * static_cast<std::size_t>(shape[k]));
    for (const std::int64_t offset : offsets) {
      for (std::int64_t i = 0; i < shape[k]; ++i) longer.push_back(offset + i * strides[k]);
    }
    offsets = std::move(longer);
  }
  return offsets;
}

GuardedBuffer::GuardedBuffer(const Shape& shape, std::vector<std::int64_t> strides, std::size_t first,
                             std::size_t elements, Dtype dtype)
    : shape_(shape),
      strides_(std::move(strides)),
      dtype_(dtype),
      first_(first),
      memory_(tell_tales(elements, dtype)),
      original_(memory_) {}

GuardedBuffer::GuardedBuffer(const Shape& shape, std::vector<std::int64_t> strides, std::int64_t extent,
                             Dtype dtype)
    : GuardedBuffer(shape, std::move(strides), zone, 2 * zone + static_cast<std::size_t>(extent), dtype) {}

GuardedBuffer::GuardedBuffer(const Shape& shape, const Placement& placement, Dtype dtype)
    : GuardedBuffer(shape, strides_of(placement, shape), zone + static_cast<std::size_t>(placement.offset),
                    2 * zone + static_cast<std::size_t>(placement.offset + extent_of(placement, shape)),
                    dtype) {}

GuardedBuffer::GuardedBuffer(const Tensor& tensor, const Placement& placement)
    : GuardedBuffer(tensor.shape, placement, tensor.dtype) {
  // Copied as bits, so that a signalling NaN stays one.
  const std::size_t size = size_of(dtype_);
  if (tensor.bytes.empty()) return;  // an empty vector's data() may be null, which memcpy does not take
  if (dense()) {
    std::memcpy(first(), tensor.bytes.data(), std::min(count(), tensor.size()) * size);
  } else {
    const std::vector<std::size_t> at = positions();
    for (std::size_t i = 0; i < at.size() && i < tensor.size(); ++i)
      std::memcpy(memory_.data() + at[i] * size, tensor.bytes.data() + i * size, size);
  }
  original_ = memory_;
}

std::vector<std::size_t> GuardedBuffer::positions() const {
  std::vector<std::size_t> at;
  at.reserve(count());
  for (const std::int64_t offset : offsets_of(shape_, strides_))
    at.push_back(first_ + static_cast<std::size_t>(offset));
  return at;
}

Tensor GuardedBuffer::gather(std::size_t shift) const {
  const std::size_t size = size_of(dtype_);
  if (dense()) {
    const std::byte* start = memory_.data() + (first_ + shift) * size;
    return {dtype_, shape_, std::vector<std::byte>(start, start + count() * size)};
  }
  const std::vector<std::size_t> at = positions();
  Tensor tensor{dtype_, shape_, std::vector<std::byte>(at.size() * size)};
  for (std::size_t i = 0; i < at.size(); ++i) {
    std::memcpy(tensor.bytes.data() + i * size, memory_.data() + (at[i] + shift) * size, size);
  }
  return tensor;
}

bool GuardedBuffer::guards_intact(std::size_t shift) const {
  const std::size_t size = size_of(dtype_);
  if (dense()) {
    const std::size_t begin = first_ * size;
    const std::size_t end = begin + (count() == 0 ? 0 : count() + shift) * size;
    return std::equal(memory_.begin(), memory_.begin() + static_cast<std::ptrdiff_t>(begin),
                      original_.begin()) &&
           std::equal(memory_.begin() + static_cast<std::ptrdiff_t>(end), memory_.end(),
                      original_.begin() + static_cast<std::ptrdiff_t>(end));
  }
  std::vector<bool> element(memory_.size() / size, false);
  for (const std::size_t at : positions()) element[at] = element[at + shift] = true;
  // In guard zones and gaps, `original_` has the initial contents.
  for (std::size_t i = 0; i < element.size(); ++i) {
    if (!element[i] && std::memcmp(memory_.data() + i * size, original_.data() + i * size, size) != 0)
      return false;
  }
  return true;
}

}  // namespace bncheck
