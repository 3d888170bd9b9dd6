#pragma once
/// A file descriptor that closes itself.

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace bncheck {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }

  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;
};

/// Duplicate of `number`, which is closed. The new number is above 0 to 4, which a command is given. If no
/// number is left, the result is closed and errno says so.
inline Descriptor moved_up(int number) {
  const Descriptor low(number);
  constexpr int lowest = 10;
  return Descriptor(::fcntl(number, F_DUPFD_CLOEXEC, lowest));
}

}  // namespace bncheck
