#pragma once
/// How long and how much a foreign subject may take before that is a finding.

#include <chrono>
#include <cstdint>

namespace bncheck {

struct ForeignLimits {
  /// From its start to its first frame: loading a framework takes a while.
  std::chrono::milliseconds start{std::chrono::minutes(2)};
  std::chrono::milliseconds call{std::chrono::seconds(10)};  ///< one case
  /// Resident memory of its process group, in bytes; 0: half of the machine's.
  std::uint64_t memory = 0;
};

}  // namespace bncheck
