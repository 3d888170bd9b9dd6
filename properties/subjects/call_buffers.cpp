#include "subjects/call_buffers.hpp"

#include <algorithm>

namespace bncheck {

CallBuffers::CallBuffers(const Forward& forward, const Exec& exec) {
  const Shape& shape = forward.x.shape;
  if (exec.overlap == Overlap::in_place || exec.overlap == Overlap::shifted) {
    in_place_ = true;
    shift_ = exec.overlap == Overlap::shifted ? 1 : 0;
    x_.emplace(forward.x, exec.x);
    return;
  }
  x_.emplace(forward.x, exec.x);
  if (exec.overlap == Overlap::y_itself) {
    // All indices of the first dimension that has several meet at one address.
    std::vector<std::int64_t> strides = strides_of({}, shape);
    const auto several = std::ranges::find_if(shape, [](std::int64_t size) { return size > 1; });
    if (several != shape.end()) strides[static_cast<std::size_t>(several - shape.begin())] = 0;
    y_.emplace(shape, std::move(strides), extent_of({}, shape));
    return;
  }
  y_.emplace(shape, exec.y);
}

/// A shifted y may lie in the gaps of x, where it is allowed, and ends in x's guard zone, which is long
/// enough.
float* CallBuffers::y() {
  return (y_ ? y_->data() : x_->data()) + shift_;
}

std::optional<Death> CallBuffers::damage(std::size_t call) const {
  if (!x_->guards_intact(shift_)) return Death{Death::Cause::guard_zone, "around x", call};
  if (y_ && !y_->guards_intact()) return Death{Death::Cause::guard_zone, "around y", call};
  if (!in_place_ && !x_->unchanged()) return Death{Death::Cause::input_changed, "x", call};
  return std::nullopt;
}

}  // namespace bncheck
