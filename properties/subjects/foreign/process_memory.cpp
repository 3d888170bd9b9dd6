#include "subjects/foreign/process_memory.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace bncheck {
namespace {

/// Fields of /proc/PID/stat after the name, which ends with the last parenthesis: state, parent, group, ...
constexpr int group_field = 2;
constexpr int resident_field = 21;

std::uint64_t resident_if_of(const std::filesystem::path& stat, pid_t group) {
  std::ifstream file(stat);
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int k = 0; fields >> field; ++k) {
    if (k == group_field && field != std::to_string(group)) return 0;
    if (k == resident_field) return std::stoull(field) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  return 0;
}

}  // namespace

std::uint64_t group_memory(pid_t group) {
  std::uint64_t sum = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") == std::string::npos)
      sum += resident_if_of(entry.path() / "stat", group);
  }
  return sum;
}

std::uint64_t machine_memory() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace bncheck
