#pragma once
/// Limits of time and memory beyond which a foreign subject is a finding.

#include <atomic>
#include <chrono>
#include <cstdint>

namespace bncheck {

struct ForeignLimits {
  /// Time from the start of the process to its first frame. Frameworks take long to load.
  std::chrono::milliseconds start{std::chrono::minutes(2)};
  /// Time for one request: one call, or a whole case of a plugin.
  std::chrono::milliseconds call{std::chrono::seconds(10)};
  /// Resident memory of the process and of all processes that it started, in bytes; 0: half of the machine's.
  std::uint64_t memory = 0;
  /// Set when the user interrupts: the wait for an answer ends, and `Subject::run` throws Interrupted. Null:
  /// no interrupts.
  const std::atomic<bool>* interrupted = nullptr;
};

}  // namespace bncheck
