#pragma once
/// What processes take of the machine's memory.

#include <sys/types.h>

#include <cstdint>

namespace bncheck {

/// Resident bytes of all processes of a group, 0 where that cannot be told.
std::uint64_t group_memory(pid_t group);
/// Physical memory in bytes.
std::uint64_t machine_memory();

}  // namespace bncheck
