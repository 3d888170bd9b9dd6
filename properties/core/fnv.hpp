#pragma once
/// FNV-1a, the 64-bit hash of Fowler, Noll and Vo (www.isthe.com/chongo/tech/comp/fnv): the same on every
/// platform, which seeds and file names need.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace bncheck {

class Fnv {
 public:
  explicit Fnv(std::uint64_t seed = 0) : hash_(seed ^ 0xcbf29ce484222325) {}

  Fnv& add(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) add_byte(std::to_integer<std::uint64_t>(byte));
    return *this;
  }
  Fnv& add(std::string_view text) { return add(std::as_bytes(std::span(text))); }
  /// Adds the bytes of the number, the lowest first.
  Fnv& add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) add_byte(number >> shift & 0xff);
    return *this;
  }
  std::uint64_t value() const { return hash_; }

 private:
  void add_byte(std::uint64_t byte) { hash_ = (hash_ ^ byte) * 0x100000001b3; }
  std::uint64_t hash_;
};

}  // namespace bncheck
