#include "subjects/foreign/process_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "bncheck/ascii.hpp"
#include "bncheck/number_text.hpp"
#include "subjects/foreign/descriptor.hpp"

namespace bncheck {
namespace {

/// Entry of a process; nullopt if it has ended since the folder was read.
std::optional<ProcessEntry> read_entry(int proc, const char* name) {
  const std::string path = std::string(name) + "/stat";
  const Descriptor file(::openat(proc, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return std::nullopt;
  char bytes[1024];
  const ssize_t got = ::read(file.get(), bytes, sizeof bytes);
  if (got <= 0) return std::nullopt;
  const std::string_view text(bytes, static_cast<std::size_t>(got));
  // The second field, a name in parentheses, may contain any characters, parentheses included.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  Words fields(text.substr(name_end + 1));
  fields.next();  // its state
  const auto pid = parse_integer(Words(text).next());
  const auto parent = parse_integer(fields.next());
  constexpr int of_no_interest = 19;
  for (int k = 0; k < of_no_interest; ++k) fields.next();
  const auto pages = parse_integer(fields.next());
  if (!pid || !parent || !pages) return std::nullopt;
  static const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  ProcessEntry entry;
  entry.pid = static_cast<pid_t>(*pid);
  entry.parent = static_cast<pid_t>(*parent);
  entry.resident = static_cast<std::uint64_t>(*pages) * page_bytes;
  return entry;
}

std::vector<ProcessEntry> all_processes() {
  std::vector<ProcessEntry> all;
  const auto close = [](DIR* folder) { ::closedir(folder); };
  const std::unique_ptr<DIR, decltype(close)> folder(::opendir("/proc"));
  if (!folder) return all;
  while (const dirent* file = ::readdir(folder.get())) {
    if (!is_digit(file->d_name[0])) continue;
    if (const auto entry = read_entry(::dirfd(folder.get()), file->d_name)) all.push_back(*entry);
  }
  return all;
}

}  // namespace

std::vector<ProcessEntry> descendants_of(pid_t root) {
  std::vector<ProcessEntry> others = all_processes();
  std::vector<ProcessEntry> found;
  std::unordered_set<pid_t> family{root};
  // Repeated while processes are found: a parent usually has the lower number, but numbers are reused.
  for (std::size_t before = 0; before < family.size();) {
    before = family.size();
    std::erase_if(others, [&](const ProcessEntry& entry) {
      if (!family.contains(entry.parent)) return false;
      family.insert(entry.pid);
      found.push_back(entry);
      return true;
    });
  }
  return found;
}

}  // namespace bncheck
