// Exact sum of floats as an integer: every float is a multiple of 2^-149 below 2^128.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace bn {

/// Holds Σ digit[k]·2^(32k − 149). 12 digits reach 2^235, enough for 2^63 floats and for 2^63 times a float.
/// Carries are delayed: 2^30 additions of less than 2^32 each stay below 2^63.
class ExactSum {
 public:
  /// Adds a finite float.
  void add(float value) {
    const Parts parts = split(value);
    const std::uint64_t shifted = parts.significand << (parts.position % 32);  // below 2^55
    const std::size_t k = parts.position / 32;
    add_digit(k, shifted & digit_mask, parts.negative);
    add_digit(k + 1, shifted >> 32, parts.negative);
    if (++pending_ == (1U << 30)) carry();
  }

  /// Subtracts count·value, count ≥ 0.
  void subtract_multiple(float value, std::int64_t count) {
    const Parts parts = split(value);
    Wide product = Wide{parts.significand} * static_cast<std::uint64_t>(count);  // below 2^87
    product <<= parts.position % 32;                                             // below 2^118
    for (std::size_t k = parts.position / 32; product != 0; ++k, product >>= 32) {
      add_digit(k, static_cast<std::uint64_t>(product) & digit_mask, !parts.negative);
    }
    carry();
  }

  /// The sum as a double: 0 only for 0, with a relative error of at most 2^-52.
  [[nodiscard]] double value() const {
    ExactSum magnitude = *this;
    magnitude.carry();
    const bool negative = magnitude.digits_.back() < 0;
    if (negative) {
      for (std::int64_t& digit : magnitude.digits_) digit = -digit;
      magnitude.carry();
    }
    // Starting at the highest digit that is not 0, three digits hold at least 65 bits; the rest is below
    // 2^-64 of them.
    std::size_t top = magnitude.digits_.size();
    while (top > 0 && magnitude.digits_[top - 1] == 0) --top;
    double sum = 0.0;
    for (std::size_t k = top < 3 ? 0 : top - 3; k < top; ++k) {
      sum += std::ldexp(static_cast<double>(magnitude.digits_[k]), static_cast<int>(32 * k) - 149);
    }
    return negative ? -sum : sum;
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr std::uint64_t digit_mask = 0xffffffffU;

  struct Parts {
    std::uint64_t significand;  // |value| = significand·2^(position − 149)
    std::size_t position;
    bool negative;
  };

  static Parts split(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t exponent = (bits >> 23) & 0xffU;
    const std::uint32_t fraction = bits & 0x7fffffU;
    if (exponent == 0) return {fraction, 0, (bits >> 31) != 0};
    return {fraction | 0x800000U, exponent - 1, (bits >> 31) != 0};
  }

  void add_digit(std::size_t k, std::uint64_t digit, bool negative) {
    digits_[k] += negative ? -static_cast<std::int64_t>(digit) : static_cast<std::int64_t>(digit);
  }

  // Brings all digits except the top one, which has the sign, into [0, 2^32).
  void carry() {
    for (std::size_t k = 0; k + 1 < digits_.size(); ++k) {
      const std::int64_t over = digits_[k] >> 32;  // rounds down, also below 0
      digits_[k] &= static_cast<std::int64_t>(digit_mask);
      digits_[k + 1] += over;
    }
    pending_ = 0;
  }

  std::array<std::int64_t, 12> digits_{};
  std::uint32_t pending_ = 0;
};

}  // namespace bn
