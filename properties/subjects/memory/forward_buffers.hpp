#pragma once
/// The memory of one forward call: x and y, parameters and statistics, and what is saved for the gradient.

#include "bncheck/dialect.hpp"
#include "subjects/memory/call_buffers.hpp"
#include "subjects/memory/state_buffers.hpp"

namespace bncheck {

/// Room for the batch's statistics, those that a dialect saves.
struct SavedBuffers {
  OptionalBuffer mean, var, invstd;

  SavedBuffers(Saved saved, std::int64_t length, Dtype dtype = Dtype::f32);

  bool touched() const;
  /// After a call that returned.
  std::optional<Death> damage(std::size_t call) const;
  void gather_into(Values& values) const;
};

struct ForwardBuffers {
  CallBuffers tensors;
  StateBuffers state;
  SavedBuffers saved;

  /// Without parameters and statistics where `given` has none; `length` is that of what is saved.
  ForwardBuffers(const State& given, const Tensor& x, const Exec& exec, Saved saved, std::int64_t length);

  /// After a call that failed: something is not what it was.
  bool touched() const;
  /// After a call that returned; `may_update` where it had statistics to update.
  std::optional<Death> damage(std::size_t call, bool may_update) const;
  /// y, and what is saved where the call used its batch's statistics; after a call that returned.
  Values gather(bool used_batch) const;
};

}  // namespace bncheck
