#include "bncheck/temporaries.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace bncheck {
namespace {

/// Number of slots: one for each file that is being written at the same time, by a thread or for a set of
/// cases.
constexpr std::size_t slots = 64;
/// Longest path that the kernel takes (PATH_MAX), with the terminating zero.
constexpr std::size_t path_bytes = 4096;

enum State : int { unused, being_filled, used };

struct Slot {
  std::atomic<int> state{unused};
  std::array<char, path_bytes> path{};
};

// Static and of fixed size, so that a signal handler can read it at any moment.
std::array<Slot, slots> registry;
static_assert(std::atomic<int>::is_always_lock_free);

/// Enters the path into a free slot and returns its index. Returns `slots` where none is free or the path is
/// too long; then only the destructor of the object removes it.
std::size_t enter(const std::string& path) {
  if (path.size() >= path_bytes) return slots;
  for (std::size_t k = 0; k < slots; ++k) {
    int expected = unused;
    if (!registry[k].state.compare_exchange_strong(expected, being_filled)) continue;
    std::memcpy(registry[k].path.data(), path.c_str(), path.size() + 1);
    registry[k].state = used;
    return k;
  }
  return slots;
}

void leave(std::size_t slot) {
  if (slot < slots) registry[slot].state = unused;
}

/// Removes the files of a folder without subfolders. Returns true if it removed any. It does not use readdir,
/// which allocates.
bool remove_files(int folder) {
  struct Entry {  // struct linux_dirent64
    std::uint64_t inode;
    std::int64_t offset;
    std::uint16_t length;
    unsigned char type;
  };
  constexpr std::size_t name_offset = 19;
  alignas(Entry) std::array<char, 4096> block;
  bool removed = false;
  while (true) {
    const long bytes = ::syscall(SYS_getdents64, folder, block.data(), block.size());
    if (bytes <= 0) return removed;
    for (long at = 0; at < bytes;) {
      std::uint16_t length = 0;
      std::memcpy(&length, block.data() + at + offsetof(Entry, length), sizeof length);
      const char* name = block.data() + at + static_cast<long>(name_offset);
      if (std::strcmp(name, ".") != 0 && std::strcmp(name, "..") != 0) {
        removed = ::unlinkat(folder, name, 0) == 0 || removed;
      }
      at += length;
    }
  }
}

void remove_path(const char* path) {
  if (::unlink(path) == 0 || (errno != EISDIR && errno != EPERM)) return;
  const int folder = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  // Reading may skip entries of a folder that changes meanwhile, so it is repeated until nothing is left.
  while (remove_files(folder)) ::lseek(folder, 0, SEEK_SET);
  ::close(folder);
  ::rmdir(path);
}

}  // namespace

Temporary::Temporary(std::filesystem::path path) : path_(std::move(path)), slot_(enter(path_.string())) {}

void Temporary::release() {
  leave(slot_);
  slot_ = slots;
  released_ = true;
}

Temporary::~Temporary() {
  std::error_code ignored;
  if (!released_) std::filesystem::remove_all(path_, ignored);
  leave(slot_);
}

void remove_temporaries() noexcept {
  const int kept = errno;
  for (const Slot& slot : registry) {
    if (slot.state == used) remove_path(slot.path.data());
  }
  errno = kept;
}

}  // namespace bncheck
