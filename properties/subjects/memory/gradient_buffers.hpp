#pragma once
/// The memory of one backward call: x and dy, parameters and statistics, and what is wanted of dx, dweight and
/// dbias.

#include "subjects/memory/call_buffers.hpp"
#include "subjects/memory/state_buffers.hpp"

namespace bncheck {

/// A gradient that is asked for, of what outlives the question.
struct GradientRequest {
  const Tensor& x;
  const Exec& x_exec;  ///< where x lies
  const Tensor& dy;
  const Exec& exec;
  bool want_dx = true, want_dweight = true, want_dbias = true;
};

class GradientBuffers {
 public:
  /// `length` is that of dweight and dbias.
  GradientBuffers(const State& given, const GradientRequest& request, std::int64_t length);
  /// `forward_exec` says where x lies.
  GradientBuffers(const State& given, const Forward& forward, const Exec& forward_exec,
                  const Backward& backward, const Exec& exec, std::int64_t length);

  GuardedBuffer& x() { return x_; }
  /// dy and dx.
  CallBuffers& tensors() { return tensors_; }
  StateBuffers& state() { return state_; }
  Region dx() { return over_x_ ? region_of(x_) : tensors_.out_region(); }
  /// nullopt where it is not wanted.
  OptionalBuffer& dweight() { return dweight_; }
  OptionalBuffer& dbias() { return dbias_; }

  /// After a call that returned.
  std::optional<Death> damage(std::size_t call) const;
  /// After a call that failed: something is not what it was.
  bool touched() const;
  /// What was wanted, after a call that returned.
  Values gather() const;

 private:
  bool over_x_, want_dx_;
  GuardedBuffer x_;
  CallBuffers tensors_;
  StateBuffers state_;
  OptionalBuffer dweight_, dbias_;
};

}  // namespace bncheck
