#pragma once
/// Files and folders that are gone when the program has ended, whether it returned, threw or was
/// ended by a signal that can be caught.

#include <cstddef>
#include <filesystem>

namespace bncheck {

/// Names a file, or a folder of files, from before it is made. It goes with this object unless it was
/// released.
class Temporary {
 public:
  explicit Temporary(std::filesystem::path path);
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary();

  const std::filesystem::path& path() const { return path_; }
  /// It has become something else, or has another owner: it stays.
  void release();

 private:
  std::filesystem::path path_;
  std::size_t slot_;
  bool released_ = false;
};

/// Removes what the Temporaries of the program name. For a signal handler: it allocates nothing and takes no
/// lock.
void remove_temporaries() noexcept;

}  // namespace bncheck
