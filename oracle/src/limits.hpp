#pragma once
/// Where rounding and underflow begin in the arithmetic of a subject's numerics.

#include <cmath>

#include "bncheck/numerics.hpp"

namespace bncheck {

/// Where the exponents of intermediate results end. long double, which all sizes are computed in, has the 15
/// bits of exponent of the widest of them: sizes of double's products, powers and squares, from 2^-4296 to
/// 2^4096, are ordinary numbers in it.
struct Limits {
  long double smallest_normal, largest, smallest;
};
inline constexpr Limits limits_f32{0x1p-126L, 0x1p127L, 0x1p-149L};
inline constexpr Limits limits_f64{0x1p-1022L, 0x1p1023L, 0x1p-1074L};
inline constexpr Limits limits_extended{0x1p-16382L, 0x1p16383L, 0x1p-16445L};

inline bool is_double(const Numerics& numerics) {
  return numerics.arithmetic == Arithmetic::f64;
}

/// u: half an ulp of 1.
inline long double unit(const Numerics& numerics) {
  return is_double(numerics) ? 0x1p-53L : 0x1p-24L;
}

inline Limits own_limits(const Numerics& numerics) {
  return is_double(numerics) ? limits_f64 : limits_f32;
}
inline Limits limits_of(const Numerics& numerics) {
  if (numerics.range == Range::own) return own_limits(numerics);
  return is_double(numerics) ? limits_extended : limits_f64;
}
inline long double largest(const Numerics& numerics) {
  return limits_of(numerics).largest;
}

/// What storing a number may lose to a subnormal: half of the smallest number, or all of a number that is
/// flushed. Counted whole, since every formula has more than one such operation.
inline long double stored_underflow(const Numerics& numerics) {
  const Limits limits = own_limits(numerics);
  return numerics.flush_to_zero ? limits.smallest_normal : limits.smallest;
}

/// The same of an intermediate result, whose exponents may reach farther. What is flushed in the end stays
/// lost.
inline long double underflow_unit(const Numerics& numerics) {
  return numerics.flush_to_zero ? stored_underflow(numerics) : limits_of(numerics).smallest;
}

/// An intermediate result of this size is computed with relative error u; zero always is.
inline bool representable(long double value, const Numerics& numerics) {
  const long double size = std::fabs(value);
  if (size == 0) return true;
  const Limits limits = limits_of(numerics);
  return size >= limits.smallest_normal && size <= limits.largest;
}

}  // namespace bncheck
