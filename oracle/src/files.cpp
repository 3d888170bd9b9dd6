#include "bncheck/files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <climits>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "bncheck/temporaries.hpp"

namespace bncheck {
namespace {

namespace fs = std::filesystem;
using Bytes = std::span<const std::byte>;
using Pieces = std::span<const Bytes>;

struct Content {
  Pieces pieces;
  const std::atomic<bool>* given_up = nullptr;
};

/// Largest number of symbolic links to follow; the limit of the Linux kernel.
constexpr int most_links = 40;
/// Largest number of bytes per system call: Linux moves less than 2 GiB at a time.
constexpr std::size_t most_at_once = std::size_t{1} << 30;
constexpr std::size_t block_bytes = std::size_t{1} << 20;

[[noreturn]] void fail(const fs::path& path, const char* verb, const std::string& why) {
  throw std::runtime_error("cannot " + std::string(verb) + " '" + path.string() + "': " + why);
}
[[noreturn]] void fail(const fs::path& path, const char* verb, int error) {
  fail(path, verb, std::generic_category().message(error));
}

/// File descriptor that is closed at the end of its scope, unless `close` was called before, to see its
/// result.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  bool is_open() const { return number_ >= 0; }
  int get() const { return number_; }
  /// Returns 0 or the error number.
  int close() {
    const int number = std::exchange(number_, -1);
    return number >= 0 && ::close(number) != 0 && errno != EINTR ? errno : 0;
  }

 private:
  int number_;
};

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Whether the path is in /proc, where a link stands for an open file and not for a name. /dev/fd leads there
/// too.
bool is_in_proc(const fs::path& path) {
  std::error_code error;
  const fs::path folder = fs::canonical(folder_of(path), error);
  return !error && folder.native().starts_with("/proc/");
}

/// Descriptor of this process that a link in /proc/self/fd stands for.
std::optional<int> own_descriptor(const fs::path& path) {
  std::error_code error;
  const fs::path folder = fs::canonical(folder_of(path), error);
  if (error || folder != "/proc/" + std::to_string(::getpid()) + "/fd") return std::nullopt;
  const std::string name = path.filename().string();
  int number = 0;
  const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (wrong != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

bool is_given_up(const Content& content) {
  return content.given_up != nullptr && *content.given_up;
}

/// Interval at which `given_up` is read while a pipe, socket or terminal waits for its reader. A signal that
/// arrives between reading it and the wait does not interrupt the wait, so the wait must be short.
constexpr int wait_ms = 100;

bool may_block(int descriptor) {
  struct stat status{};
  return ::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode);
}

/// Grace period for a slow reader after `given_up`.
constexpr int last_wait_ms = 1000;

/// Waits until a short write does not block. Returns 0, or EINTR if the wait was given up.
int wait_for_room(int descriptor, const Content& content) {
  for (int waited = 0; !is_given_up(content) || waited < last_wait_ms;
       waited += is_given_up(content) ? wait_ms : 0) {
    pollfd ready{descriptor, POLLOUT, 0};
    if (::poll(&ready, 1, wait_ms) > 0) return 0;
  }
  return EINTR;
}

/// Writes all pieces. Returns 0 or the error number.
int write_content(int descriptor, const Content& content) {
  const bool waits = may_block(descriptor);
  // poll reports a pipe as writable when it has room for at least PIPE_BUF bytes.
  const std::size_t most = waits ? PIPE_BUF : most_at_once;
  for (Bytes rest : content.pieces) {
    while (!rest.empty()) {
      if (const int error = waits ? wait_for_room(descriptor, content) : 0; error != 0) return error;
      const ssize_t written = ::write(descriptor, rest.data(), std::min(rest.size(), most));
      if (written > 0) {
        rest = rest.subspan(static_cast<std::size_t>(written));
      } else if (errno != EAGAIN && errno != EINTR) {
        return errno;
      }
    }
  }
  return 0;
}

int write_and_close(Descriptor& file, const Content& content) {
  const int error = write_content(file.get(), content);
  const int close_error = file.close();
  return error != 0 ? error : close_error;
}

/// Opens a file for writing and waits for the reader of a pipe. Returns −1 where it cannot be opened or the
/// wait was given up.
int open_writable(const fs::path& path, int flags, const Content& content) {
  while (true) {
    // ENXIO: a pipe without a reader.
    const int file = ::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK | flags);
    if (file >= 0 || (errno != ENXIO && errno != EINTR)) return file;
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0 || !S_ISFIFO(status.st_mode)) {
      errno = ENXIO;
      return -1;
    }
    if (is_given_up(content)) {
      errno = EINTR;
      return -1;
    }
    ::poll(nullptr, 0, wait_ms);
  }
}

/// Appends to a file that is open already, so that earlier output stays.
int write_open_file(const fs::path& path, const Content& content) {
  const std::optional<int> own = own_descriptor(path);
  Descriptor file(own ? ::fcntl(*own, F_DUPFD_CLOEXEC, 0) : open_writable(path, O_APPEND, content));
  return file.is_open() ? write_and_close(file, content) : errno;
}

int overwrite(const fs::path& path, const Content& content) {
  Descriptor file(open_writable(path, O_TRUNC, content));
  return file.is_open() ? write_and_close(file, content) : errno;
}

/// Unused name for a temporary file: the process and a serial number keep processes and threads apart.
fs::path temporary_beside(const fs::path& path) {
  static std::atomic<unsigned> serial{0};
  return folder_of(path) /
         (".bncheck-" + std::to_string(::getpid()) + "-" + std::to_string(serial++) + ".tmp");
}

/// Gives the new file the owner and permissions of the old one, as far as this process may. A failure is
/// ignored: the content is more important.
void take_after(int descriptor, const struct stat& old) {
  // The owner comes first, because changing it clears permission bits.
  [[maybe_unused]] const bool owned = ::fchown(descriptor, old.st_uid, old.st_gid) == 0;
  [[maybe_unused]] const bool permitted = ::fchmod(descriptor, old.st_mode & 0777) == 0;
}

int replace_once(const fs::path& path, const struct stat* old, const Content& content) {
  Temporary temporary(temporary_beside(path));
  Descriptor file(::open(temporary.path().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file.is_open()) {
    const int error = errno;
    temporary.release();
    return error;
  }
  if (old != nullptr) take_after(file.get(), *old);
  if (const int error = write_and_close(file, content); error != 0) return error;
  if (::rename(temporary.path().c_str(), path.c_str()) != 0) return errno;
  temporary.release();
  return 0;
}

/// Replaces the file by a new one of the same name. `old`: the status of the existing file, if there is one.
int replace(const fs::path& path, const struct stat* old, const Content& content) {
  // A killed process with the same process id may have left its temporary file.
  constexpr int attempts = 100;
  int error = EEXIST;
  for (int k = 0; k < attempts && error == EEXIST; ++k) error = replace_once(path, old, content);
  return error;
}

/// Whether the error concerns the folder rather than the file: it does not allow new files, or the name is a
/// mount point of a container.
bool is_of_the_folder(int error) {
  return error == EACCES || error == EPERM || error == EROFS || error == EBUSY;
}

int write_to(const WrittenFile& target, const Content& content) {
  if (target.path.empty()) return ENOENT;
  if (is_in_proc(target.path)) return write_open_file(target.path, content);
  if (target.in_place) return overwrite(target.path, content);
  struct stat old{};
  if (::stat(target.path.c_str(), &old) != 0) {
    return errno == ENOENT ? replace(target.path, nullptr, content) : errno;
  }
  if (S_ISDIR(old.st_mode)) return EISDIR;
  if (::access(target.path.c_str(), W_OK) != 0) return errno;
  const int error = replace(target.path, &old, content);
  return is_of_the_folder(error) ? overwrite(target.path, content) : error;
}

}  // namespace

std::uint64_t machine_memory() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

InputFile::InputFile(fs::path path) : path_(std::move(path)) {
  struct stat status{};
  // The status is checked before opening, because opening a device may have effects.
  if (::stat(path_.c_str(), &status) != 0) fail(path_, "read", errno);
  if (S_ISDIR(status.st_mode)) fail(path_, "read", EISDIR);
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
    fail(path_, "read", "it is a device or a socket, expected a file or a pipe");
  }
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (descriptor_ < 0) fail(path_, "read", errno);
  if (!S_ISREG(status.st_mode) || status.st_size == 0) return;
  size_ = static_cast<std::uint64_t>(status.st_size);
  if (*size_ <= machine_memory()) return;
  ::close(descriptor_);
  fail(path_, "read", "its " + std::to_string(*size_) + " bytes are more than this machine's memory");
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

std::size_t InputFile::read(std::span<std::byte> place) {
  std::size_t got = 0;
  while (got < place.size()) {
    const ssize_t bytes = ::read(descriptor_, place.data() + got, std::min(place.size() - got, most_at_once));
    if (bytes == 0) break;
    if (bytes > 0) {
      got += static_cast<std::size_t>(bytes);
    } else if (errno != EINTR) {
      fail(path_, "read", errno);
    }
  }
  return got;
}

std::vector<std::byte> read_file(const fs::path& path) {
  InputFile file(path);
  std::vector<std::byte> bytes;
  if (file.size()) {
    bytes.resize(static_cast<std::size_t>(*file.size()));
    bytes.resize(file.read(bytes));
    return bytes;
  }
  std::vector<std::byte> block(block_bytes);
  while (const std::size_t got = file.read(block)) {
    bytes.insert(bytes.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got));
    if (bytes.size() > max_pipe_bytes) {
      fail(path, "read",
           "it gives more than " + std::to_string(max_pipe_bytes) + " bytes, expected at most those");
    }
  }
  return bytes;
}

WrittenFile written_file(const fs::path& path) {
  WrittenFile target{path, false};
  std::error_code error;
  for (int links = 0; links <= most_links; ++links) {
    if (is_in_proc(target.path)) return {target.path, true};
    const fs::path link = fs::read_symlink(target.path, error);
    if (error) {
      const fs::file_status status = fs::status(target.path, error);
      target.in_place = fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
      return target;
    }
    target.path = folder_of(target.path) / link;
  }
  fail(path, "write", ELOOP);
}

void write_file(const fs::path& path, Pieces pieces, const std::atomic<bool>* given_up) {
  if (const int error = write_to(written_file(path), {pieces, given_up}); error != 0)
    fail(path, "write", error);
}

void write_file(const fs::path& path, Bytes bytes, const std::atomic<bool>* given_up) {
  write_file(path, std::array<Bytes, 1>{bytes}, given_up);
}

}  // namespace bncheck
