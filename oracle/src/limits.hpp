#pragma once
/// Rounding unit and exponent limits of the arithmetic of a subject's numerics.

#include <cmath>

#include "bncheck/numerics.hpp"

namespace bncheck {

/// Limits of the magnitude of intermediate results. Magnitudes are computed in long double, which has the 15
/// exponent bits of the widest range: products, powers and squares of doubles, from 2^−4296 to 2^4096, are
/// ordinary numbers in it. `largest` is half of where overflow begins.
struct Limits {
  long double smallest_normal, largest, smallest;
};
inline constexpr Limits limits_f32{0x1p-126L, 0x1p127L, 0x1p-149L};
inline constexpr Limits limits_f64{0x1p-1022L, 0x1p1023L, 0x1p-1074L};
inline constexpr Limits limits_extended{0x1p-16382L, 0x1p16383L, 0x1p-16445L};

inline bool is_double(const Numerics& numerics) {
  return numerics.arithmetic == Arithmetic::f64;
}

/// u: half an ulp of 1, the largest relative error of one rounding.
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

/// Largest error of storing a subnormal number: half of the smallest number, or the whole number where it is
/// flushed to zero. The whole smallest number is counted, because every formula has more than one such
/// operation.
inline long double stored_underflow(const Numerics& numerics) {
  const Limits limits = own_limits(numerics);
  return numerics.flush_to_zero ? limits.smallest_normal : limits.smallest;
}

/// The same for an intermediate result, whose exponent range may be wider. A result that is flushed at the
/// end stays lost.
inline long double underflow_unit(const Numerics& numerics) {
  return numerics.flush_to_zero ? stored_underflow(numerics) : limits_of(numerics).smallest;
}

/// Largest change of an input that is taken for zero because it is subnormal.
inline long double flushed_input(const Numerics& numerics) {
  return numerics.flush_to_zero ? own_limits(numerics).smallest_normal : 0;
}

/// Whether an intermediate result of this size has a relative error of at most u. Zero always has.
inline bool representable(long double value, const Numerics& numerics) {
  const long double size = std::fabs(value);
  if (size == 0) return true;
  const Limits limits = limits_of(numerics);
  return size >= limits.smallest_normal && size <= limits.largest;
}

}  // namespace bncheck
