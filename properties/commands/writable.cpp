#include "commands/writable.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "bncheck/files.hpp"
#include "commands/commands.hpp"

namespace bncheck {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& option, const std::string& name, const std::string& why) {
  throw UsageError(option + " '" + name + "' cannot be written: " + why);
}

}  // namespace

void require_writable_file(const std::string& option, const std::string& name) {
  if (name.empty() || name == "-") return;
  fs::path path;
  try {
    path = written_file(name).path;
  } catch (const std::runtime_error&) {
    refuse(option, name, std::strerror(ELOOP));
  }
  std::error_code error;
  if (fs::is_directory(path, error)) refuse(option, name, "it is a folder");
  if (fs::exists(path, error)) {
    if (::access(path.c_str(), W_OK) != 0) refuse(option, name, std::strerror(errno));
    return;
  }
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!fs::is_directory(folder, error)) refuse(option, name, "there is no folder '" + folder.string() + "'");
  if (::access(folder.c_str(), W_OK | X_OK) != 0) refuse(option, name, std::strerror(errno));
}

void require_writable_folder(const std::string& option, const std::string& name) {
  std::error_code error;
  fs::path nearest = fs::absolute(name, error);
  // A path that does not exist can be made if its nearest existing parent is a writable folder.
  while (!fs::exists(fs::symlink_status(nearest, error)) && nearest != nearest.root_path()) {
    nearest = nearest.parent_path();
  }
  if (name.empty()) refuse(option, name, "it has no name");
  if (!fs::is_directory(nearest, error)) refuse(option, name, "'" + nearest.string() + "' is no folder");
  if (::access(nearest.c_str(), W_OK | X_OK) != 0) refuse(option, name, std::strerror(errno));
}

}  // namespace bncheck
