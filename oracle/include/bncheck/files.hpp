#pragma once
/// Files as they are read and written here: a reader never waits for ever, a written file is there as a whole
/// or as it was, and what is no regular file is written to instead of being replaced.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

namespace bncheck {

/// Most bytes that are read from a pipe: where its end is cannot be seen beforehand.
inline constexpr std::uint64_t max_pipe_bytes = std::uint64_t{4} << 30;

/// Physical memory in bytes: what a file to be read may not exceed.
std::uint64_t machine_memory();

/// A regular file or a pipe, opened for reading. Folders and devices (/dev/zero has no end) are refused.
/// Throws std::runtime_error that names the file.
class InputFile {
 public:
  explicit InputFile(std::filesystem::path path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// nullopt where only reading shows it: of a pipe, and of the files in /proc.
  std::optional<std::uint64_t> size() const { return size_; }
  /// The next bytes: as many as there is room for, fewer only at the end of the file.
  std::size_t read(std::span<std::byte> place);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::optional<std::uint64_t> size_;
};

/// Throws std::runtime_error that names the file.
std::vector<std::byte> read_file(const std::filesystem::path& path);

/// What writing to `path` writes: the end of its symbolic links, which need not exist yet. `in_place` of what
/// is never replaced by a new file: devices, pipes, and open files by their links in /proc/self/fd, as
/// /dev/stdout is one.
struct WrittenFile {
  std::filesystem::path path;
  bool in_place = false;
};
/// Throws std::runtime_error that names the file, where the links lead in a circle.
WrittenFile written_file(const std::filesystem::path& path);

/// The content comes in pieces, one after the other. They are written to a temporary file beside the target,
/// which then takes its name and, where there was one, its owner and permissions. Where the folder takes no
/// new file, the existing one is overwritten. `given_up`, which a handler of signals may set, ends the wait
/// for the reader of a pipe, after a second for one that is only slow. Throws std::runtime_error that names
/// the file.
void write_file(const std::filesystem::path& path, std::span<const std::span<const std::byte>> pieces,
                const std::atomic<bool>* given_up = nullptr);
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                const std::atomic<bool>* given_up = nullptr);

}  // namespace bncheck
