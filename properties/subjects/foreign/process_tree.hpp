#pragma once
/// Processes and their descendants, from /proc.

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace bncheck {

struct ProcessEntry {
  pid_t pid = 0, parent = 0;
  std::uint64_t resident = 0;  ///< bytes
};

/// All processes that descend from `root`, in any process group or session, without `root` itself. A process
/// whose parent has ended descends from the process that adopted it. Empty if there is no /proc.
std::vector<ProcessEntry> descendants_of(pid_t root);

}  // namespace bncheck
