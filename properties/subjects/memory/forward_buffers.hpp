#pragma once
/// Memory of one forward call: x and y, parameters and statistics, and the statistics that are saved for the
/// gradient.

#include "bncheck/dialect.hpp"
#include "subjects/memory/call_buffers.hpp"
#include "subjects/memory/state_buffers.hpp"

namespace bncheck {

/// Memory for the batch's statistics that a dialect saves.
struct SavedBuffers {
  OptionalBuffer mean, var, invstd;

  SavedBuffers(Saved saved, std::int64_t length, Dtype dtype = Dtype::f32);

  bool touched() const;
  /// Damage by a call that returned.
  std::optional<Death> damage(std::size_t call) const;
  void gather_into(Values& values) const;
};

struct ForwardBuffers {
  CallBuffers tensors;
  StateBuffers state;
  SavedBuffers saved;

  /// Parameters and statistics exist where `given` has them. `length`: length of the saved statistics.
  ForwardBuffers(const State& given, const Tensor& x, const Exec& exec, Saved saved, std::int64_t length);

  /// Whether a call that failed changed anything.
  bool touched() const;
  /// Damage by a call that returned. `may_update`: it had statistics to update.
  std::optional<Death> damage(std::size_t call, bool may_update) const;
  /// Outputs of a call that returned: y, and the saved statistics if the call used its batch's statistics.
  Values gather(bool used_batch) const;
};

}  // namespace bncheck
