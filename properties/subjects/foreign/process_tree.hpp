#pragma once
/// Processes and what they have started, as /proc tells it.

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace bncheck {

struct ProcessEntry {
  pid_t pid = 0, parent = 0;
  std::uint64_t resident = 0;  ///< bytes
};

/// Every process that descends from `root`, whatever group or session it has moved to; without `root` itself.
/// One whose parent has ended descends from the process that adopted it. Empty where there is no /proc.
std::vector<ProcessEntry> descendants_of(pid_t root);

}  // namespace bncheck
