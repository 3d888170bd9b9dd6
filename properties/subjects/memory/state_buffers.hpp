#pragma once
/// Parameters and statistics of one call, each in guarded memory of the caller.

#include <cstdint>
#include <optional>
#include <span>

#include "core/subject.hpp"
#include "subjects/memory/guarded_buffer.hpp"

namespace bncheck {

using OptionalBuffer = std::optional<GuardedBuffer>;

/// Memory for a vector; a negative length counts as 0.
GuardedBuffer room_for(std::int64_t length, Dtype dtype = Dtype::f32);

/// Floats of the buffer; empty if there is none.
std::span<float> span_of(OptionalBuffer& buffer);

struct StateBuffers {
  OptionalBuffer weight, bias, running_mean, running_var, running_weight;

  explicit StateBuffers(const State& state);

  /// Whether anything has changed.
  bool touched() const;
  /// Damage by a call that returned. `may_update`: it had statistics to update.
  std::optional<Death> damage(std::size_t call, bool may_update) const;
  /// Copies the statistics into the state.
  void gather_into(State& state) const;
};

}  // namespace bncheck
