#pragma once
/// Single elements of a tensor of any dtype, as the double that equals them.

#include <bit>
#include <cmath>

#include "bncheck/float_format.hpp"
#include "bncheck/tensor.hpp"

namespace bncheck {

/// Exact for every dtype.
inline double element(const Tensor& tensor, std::int64_t index) {
  const std::byte* at = tensor.bytes.data() + static_cast<std::size_t>(index) * size_of(tensor.dtype);
  if (tensor.dtype == Dtype::f32) {
    float value;
    std::memcpy(&value, at, sizeof value);
    return static_cast<double>(value);
  }
  if (tensor.dtype == Dtype::f64) {
    double value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  std::uint16_t bits;
  std::memcpy(&bits, at, sizeof bits);
  if (tensor.dtype == Dtype::bf16)
    return static_cast<double>(std::bit_cast<float>(std::uint32_t{bits} << 16));
  const int biased = (bits >> 10) & 31;
  const int fraction = bits & 1023;
  const double sign = (bits >> 15) != 0 ? -1 : 1;
  if (biased == 31) return fraction != 0 ? std::nan("") : sign * HUGE_VAL;
  return sign * (biased == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, biased - 25));
}

}  // namespace bncheck
