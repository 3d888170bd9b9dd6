#pragma once
/// Files and folders that are removed when the program ends: by returning, by an exception, or by a signal
/// that can be caught.

#include <cstddef>
#include <filesystem>

namespace bncheck {

/// Name of a file, or of a folder of files, set before it is created. The destructor removes it unless it was
/// released.
class Temporary {
 public:
  explicit Temporary(std::filesystem::path path);
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary();

  const std::filesystem::path& path() const { return path_; }
  /// Keeps the file: it has another name or another owner now.
  void release();

 private:
  std::filesystem::path path_;
  std::size_t slot_;
  bool released_ = false;
};

/// Removes the files and folders of all Temporaries of the program. Safe in a signal handler: it allocates
/// nothing and takes no lock.
void remove_temporaries() noexcept;

}  // namespace bncheck
