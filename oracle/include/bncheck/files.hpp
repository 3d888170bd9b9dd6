#pragma once
/// Reading and writing of files. Only regular files and pipes are read. A write leaves the complete new
/// content or the old file. A target that is not a regular file is written to, never replaced.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

namespace bncheck {

/// Largest number of bytes that is read from a pipe, whose length is not known beforehand.
inline constexpr std::uint64_t max_pipe_bytes = std::uint64_t{4} << 30;

/// Physical memory in bytes: the limit for the size of a file to be read.
std::uint64_t machine_memory();

/// Regular file or pipe, opened for reading. Opening a named pipe waits for its writer. Folders and devices
/// (/dev/zero has no end) are refused. Throws std::runtime_error, which names the file.
class InputFile {
 public:
  explicit InputFile(std::filesystem::path path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Size in bytes; nullopt where only reading shows it: for pipes and for the files in /proc.
  std::optional<std::uint64_t> size() const { return size_; }
  /// Reads the next bytes into `place` and returns their number, which is smaller than `place` only at the
  /// end of the file. Throws std::runtime_error, which names the file.
  std::size_t read(std::span<std::byte> place);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::optional<std::uint64_t> size_;
};

/// Throws std::runtime_error, which names the file.
std::vector<std::byte> read_file(const std::filesystem::path& path);

/// Target of writing to `path`: the end of its symbolic links, which need not exist yet. `in_place`: the
/// target is never replaced by a new file. This holds for devices, pipes, and open files named by their links
/// in /proc/self/fd, such as /dev/stdout.
struct WrittenFile {
  std::filesystem::path path;
  bool in_place = false;
};
/// Throws std::runtime_error, which names the file, if the links lead in a circle.
WrittenFile written_file(const std::filesystem::path& path);

/// Writes the pieces one after the other. They go to a temporary file beside the target, which then takes the
/// target's name and, if the target existed, its owner and permissions. If the folder does not allow a new
/// file, the existing file is overwritten. `given_up`, which a signal handler may set, ends the wait for the
/// reader of a pipe; a slow reader is given one more second. Throws std::runtime_error, which names the file.
void write_file(const std::filesystem::path& path, std::span<const std::span<const std::byte>> pieces,
                const std::atomic<bool>* given_up = nullptr);
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                const std::atomic<bool>* given_up = nullptr);

}  // namespace bncheck
