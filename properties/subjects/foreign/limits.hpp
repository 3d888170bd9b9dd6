#pragma once
/// How long and how much a foreign subject may take before that is a finding.

#include <atomic>
#include <chrono>
#include <cstdint>

namespace bncheck {

struct ForeignLimits {
  /// From its start to its first frame: loading a framework takes a while.
  std::chrono::milliseconds start{std::chrono::minutes(2)};
  std::chrono::milliseconds call{std::chrono::seconds(10)};  ///< one case
  /// Resident memory of its process and of all that it has started, in bytes; 0: half of the machine's.
  std::uint64_t memory = 0;
  /// Once set, an answer is waited for no longer: `Subject::run` throws Interrupted. Null: nothing
  /// interrupts.
  const std::atomic<bool>* interrupted = nullptr;
};

}  // namespace bncheck
