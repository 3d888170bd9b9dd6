#pragma once
/// Memory of what one call reads and writes, x and y or dy and dx, placed as its Exec asks, and checks of
/// that memory after the call.

#include <memory>
#include <optional>
#include <string>

#include "core/subject.hpp"
#include "subjects/memory/guarded_buffer.hpp"

namespace bncheck {

/// Memory of one tensor as a function sees it.
struct Region {
  void* first = nullptr;
  std::size_t bytes = 0;  ///< from the first element on, gaps included
  Dtype dtype = Dtype::f32;
  const Shape* shape = nullptr;
  const std::vector<std::int64_t>* strides = nullptr;  ///< in elements

  /// Precondition: dtype is f32.
  float* floats() const { return static_cast<float*>(first); }
};
Region region_of(GuardedBuffer& buffer);

class CallBuffers {
 public:
  /// `names`: names of input and output in messages.
  CallBuffers(const Tensor& input, const Exec& exec, std::pair<const char*, const char*> names = {"x", "y"});

  float* in() { return in_->data(); }
  const std::vector<std::int64_t>& in_strides() const { return in_->strides(); }
  float* out();
  const std::vector<std::int64_t>& out_strides() const { return out_ ? out_->strides() : in_->strides(); }
  Region in_region() { return region_of(*in_); }
  Region out_region();
  Tensor gather_out() const { return out_ ? out_->gather() : in_->gather(shift_); }

  /// Damage by a call that returned: writes outside the output, or into an input that is not the output.
  std::optional<Death> damage(std::size_t call) const;
  /// Whether a call that failed, or that had nothing to write, changed a buffer.
  bool touched() const { return !in_->unchanged() || (out_ && !out_->unchanged()); }

 private:
  std::pair<const char*, const char*> names_;
  std::optional<GuardedBuffer> in_, out_;
  bool in_place_ = false;
  std::size_t shift_ = 0;  ///< elements from the start of the input to an output in the same buffer
};

}  // namespace bncheck
