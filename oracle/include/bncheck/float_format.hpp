#pragma once
/// Binary floating-point formats, described by their parameters. So one rounding serves f16, bf16, f32 and
/// f64, and no number passes through another format first.

#include <cstdint>

#include "bncheck/tensor.hpp"

namespace bncheck {

struct FloatFormat {
  int precision;     ///< bits of the significand, the hidden one included
  int min_exponent;  ///< exponent of the smallest normal number: 2^min_exponent
  int exponent_bits;

  /// A *code* is the bit pattern without its sign: codes count the non-negative numbers in order.
  constexpr std::uint64_t infinity_code() const {
    return ((std::uint64_t{1} << exponent_bits) - 1) << (precision - 1);
  }
  constexpr std::uint64_t nan_code() const { return infinity_code() | (std::uint64_t{1} << (precision - 2)); }
  constexpr int sign_shift() const { return precision - 1 + exponent_bits; }
  /// Exponent of the least significant bit of the smallest subnormal number.
  constexpr int smallest_exponent() const { return min_exponent - (precision - 1); }
};

inline constexpr FloatFormat format_f32{24, -126, 8};
inline constexpr FloatFormat format_f64{53, -1022, 11};
inline constexpr FloatFormat format_f16{11, -14, 5};
inline constexpr FloatFormat format_bf16{8, -126, 8};

constexpr FloatFormat format_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return format_f64;
    case Dtype::f16:
      return format_f16;
    case Dtype::bf16:
      return format_bf16;
    case Dtype::f32:
      break;
  }
  return format_f32;
}

}  // namespace bncheck
