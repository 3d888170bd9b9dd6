#pragma once
/// Parameters and statistics that one call is given, each in guarded memory of the caller's.

#include <cstdint>
#include <optional>
#include <span>

#include "core/subject.hpp"
#include "subjects/memory/guarded_buffer.hpp"

namespace bncheck {

using OptionalBuffer = std::optional<GuardedBuffer>;

/// Room for a vector; a negative length stands for none.
GuardedBuffer room_for(std::int64_t length, Dtype dtype = Dtype::f32);

/// Its floats; empty where there is no buffer.
std::span<float> span_of(OptionalBuffer& buffer);

struct StateBuffers {
  OptionalBuffer weight, bias, running_mean, running_var, running_weight;

  explicit StateBuffers(const State& state);

  /// Something is not what it was.
  bool touched() const;
  /// After a call that returned; `may_update` where it had statistics to update.
  std::optional<Death> damage(std::size_t call, bool may_update) const;
  /// Takes over the statistics.
  void gather_into(State& state) const;
};

}  // namespace bncheck
