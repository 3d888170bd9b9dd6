#pragma once
/// Memory of one backward call: x and dy, parameters and statistics, and those of dx, dweight and dbias that
/// are wanted.

#include "subjects/memory/call_buffers.hpp"
#include "subjects/memory/state_buffers.hpp"

namespace bncheck {

/// Request for a gradient. The objects that it refers to must outlive it.
struct GradientRequest {
  const Tensor& x;
  const Exec& x_exec;  ///< placement of x
  const Tensor& dy;
  const Exec& exec;
  bool want_dx = true, want_dweight = true, want_dbias = true;
};

class GradientBuffers {
 public:
  /// `length`: length of dweight and dbias.
  GradientBuffers(const State& given, const GradientRequest& request, std::int64_t length);
  /// `forward_exec`: placement of x.
  GradientBuffers(const State& given, const Forward& forward, const Exec& forward_exec,
                  const Backward& backward, const Exec& exec, std::int64_t length);

  GuardedBuffer& x() { return x_; }
  /// Buffers of dy and dx.
  CallBuffers& tensors() { return tensors_; }
  StateBuffers& state() { return state_; }
  Region dx() { return over_x_ ? region_of(x_) : tensors_.out_region(); }
  /// Buffer of the output; nullopt if it is not wanted.
  OptionalBuffer& dweight() { return dweight_; }
  OptionalBuffer& dbias() { return dbias_; }

  /// Damage by a call that returned.
  std::optional<Death> damage(std::size_t call) const;
  /// Whether a call that failed changed anything.
  bool touched() const;
  /// Wanted outputs of a call that returned.
  Values gather() const;

 private:
  bool over_x_, want_dx_;
  GuardedBuffer x_;
  CallBuffers tensors_;
  StateBuffers state_;
  OptionalBuffer dweight_, dbias_;
};

}  // namespace bncheck
