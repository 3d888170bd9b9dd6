#pragma once
/// Integers of any size. Boost.Multiprecision does the arithmetic. It stays in the library's sources, because
/// its headers would add 3 s to the compilation of every file that includes this one.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace bncheck {

__extension__ using Int128 = __int128;
__extension__ using Uint128 = unsigned __int128;

/// Integer of any size. Up to 512 bits, which the y of ordinary floats needs, lie inside the object; larger
/// numbers allocate.
class Integer {
 public:
  Integer() noexcept;
  Integer(int value) noexcept : Integer(std::int64_t{value}) {}
  Integer(std::int64_t value) noexcept;
  Integer(std::uint64_t value) noexcept;
  Integer(Int128 value) noexcept;
  Integer(Uint128 value) noexcept;
  /// Number from hexadecimal digits after "0x". Throws std::runtime_error if the text is no number.
  explicit Integer(const std::string& digits);
  Integer(const Integer& other);
  Integer(Integer&& other) noexcept;
  Integer& operator=(const Integer& other);
  Integer& operator=(Integer&& other) noexcept;
  ~Integer();

  /// -1, 0 or 1.
  int sign() const;
  bool is_zero() const { return sign() == 0; }
  /// floor(log2 |this|). Precondition: not zero.
  std::int64_t top_bit() const;
  /// Hexadecimal digits of the magnitude, lower case, without "0x".
  std::string hexadecimal() const;

  friend Integer operator+(const Integer& a, const Integer& b);
  friend Integer operator-(const Integer& a, const Integer& b);
  friend Integer operator*(const Integer& a, const Integer& b);
  friend Integer operator-(const Integer& a);
  friend Integer operator<<(const Integer& a, unsigned bits);
  /// Shift right, rounded towards minus infinity.
  friend Integer operator>>(const Integer& a, unsigned bits);
  friend bool operator==(const Integer& a, const Integer& b);

 private:
  friend struct BoostInteger;
  /// Holds a number of Boost's; see src/boost_integer.hpp.
  alignas(16) std::array<std::byte, 80> storage_;
};

}  // namespace bncheck
