#include "subjects/memory/call_buffers.hpp"

#include <algorithm>

namespace bncheck {

CallBuffers::CallBuffers(const Tensor& input, const Exec& exec, std::pair<const char*, const char*> names)
    : names_(names) {
  const Shape& shape = input.shape;
  if (exec.overlap == Overlap::in_place || exec.overlap == Overlap::shifted) {
    in_place_ = true;
    shift_ = exec.overlap == Overlap::shifted ? 1 : 0;
    in_.emplace(input, exec.x);
    return;
  }
  in_.emplace(input, exec.x);
  if (exec.overlap == Overlap::y_itself) {
    // With stride 0, all indices of the first dimension longer than 1 share an address.
    std::vector<std::int64_t> strides = strides_of({}, shape);
    const auto several = std::ranges::find_if(shape, [](std::int64_t size) { return size > 1; });
    if (several != shape.end()) strides[static_cast<std::size_t>(several - shape.begin())] = 0;
    out_.emplace(shape, std::move(strides), extent_of({}, shape), input.dtype);
    return;
  }
  out_.emplace(shape, exec.y, input.dtype);
}

/// Start of the output. A shifted output may lie in the gaps of the input, where it is allowed. It ends in
/// the input's guard zone, which is long enough.
float* CallBuffers::out() {
  return (out_ ? out_->data() : in_->data()) + shift_;
}

Region region_of(GuardedBuffer& buffer) {
  return {buffer.first(), buffer.bytes(), buffer.dtype(), &buffer.shape(), &buffer.strides()};
}

Region CallBuffers::out_region() {
  if (out_) return region_of(*out_);
  Region region = in_region();
  const std::size_t shift = shift_ * size_of(region.dtype);
  region.first = static_cast<std::byte*>(region.first) + shift;
  return region;
}

std::optional<Death> CallBuffers::damage(std::size_t call) const {
  if (!in_->guards_intact(shift_))
    return Death{Death::Cause::guard_zone, std::string("around ") + names_.first, call};
  if (out_ && !out_->guards_intact())
    return Death{Death::Cause::guard_zone, std::string("around ") + names_.second, call};
  if (!in_place_ && !in_->unchanged()) return Death{Death::Cause::input_changed, names_.first, call};
  return std::nullopt;
}

}  // namespace bncheck
