#pragma once
/// The memory of one backward call: x and dy, and what is wanted of dx, dweight and dbias.

#include <span>

#include "subjects/call_buffers.hpp"

namespace bncheck {

class GradientBuffers {
 public:
  /// `forward_exec` says where x lies.
  GradientBuffers(const Forward& forward, const Exec& forward_exec, const Backward& backward,
                  const Exec& exec, std::int64_t channels);

  GuardedBuffer& x() { return x_; }
  /// dy and dx.
  CallBuffers& tensors() { return tensors_; }
  float* dx() { return over_x_ ? x_.data() : tensors_.out(); }
  const std::vector<std::int64_t>& dx_strides() const {
    return over_x_ ? x_.strides() : tensors_.out_strides();
  }
  std::span<float> dweight();
  std::span<float> dbias();

  /// After a call that returned.
  std::optional<Death> damage(std::size_t call) const;
  /// After a call that failed: something is not what it was.
  bool touched() const;
  /// What was wanted, after a call that returned.
  Values gather() const;

 private:
  bool over_x_, want_dx_, want_dweight_, want_dbias_;
  GuardedBuffer x_;
  CallBuffers tensors_;
  GuardedBuffer dweight_, dbias_;
};

}  // namespace bncheck
