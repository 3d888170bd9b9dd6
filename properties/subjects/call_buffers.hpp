#pragma once
/// x and y of one forward call as its Exec asks for them, and what became of them.

#include <memory>
#include <optional>
#include <string>

#include "core/subject.hpp"
#include "subjects/guarded_buffer.hpp"

namespace bncheck {

class CallBuffers {
 public:
  CallBuffers(const Forward& forward, const Exec& exec);

  float* x() { return x_->data(); }
  const std::vector<std::int64_t>& x_strides() const { return x_->strides(); }
  float* y();
  const std::vector<std::int64_t>& y_strides() const { return y_ ? y_->strides() : x_->strides(); }
  Tensor gather_y() const { return y_ ? y_->gather() : x_->gather(shift_); }

  /// After a call that returned: writes outside y, or into x where it is not y.
  std::optional<Death> damage(std::size_t call) const;
  /// After a call that failed: y or x is not what it was.
  bool touched() const { return !x_->unchanged() || (y_ && !y_->unchanged()); }

 private:
  std::optional<GuardedBuffer> x_, y_;
  bool in_place_ = false;
  std::size_t shift_ = 0;  ///< of y in x's buffer
};

}  // namespace bncheck
