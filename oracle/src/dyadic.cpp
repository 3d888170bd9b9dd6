#include <algorithm>
#include <cmath>

#include "bncheck/exact.hpp"
#include "boost_integer.hpp"

namespace bncheck {
namespace {

using Number = BoostInteger::Number;

const Number& mantissa_of(const Dyadic& dyadic) {
  return BoostInteger::of(dyadic.mantissa);
}

/// floor(log₂ |v|). Precondition: not zero.
std::int64_t top_of(const Dyadic& v) {
  return v.exponent + v.mantissa.top_bit();
}

/// Shifts the mantissa so that it belongs to the smaller exponent.
void shift_to(Number& mantissa, std::int64_t exponent, std::int64_t smaller) {
  if (exponent > smaller) mantissa <<= static_cast<unsigned>(exponent - smaller);
}

/// Sum of `low` and `high`, each negated where its flag says so. Precondition: low.exponent <= high.exponent.
Dyadic sum(const Dyadic& low, const Dyadic& high, bool negate_low, bool negate_high) {
  if (low.is_zero()) return negate_high ? -high : high;
  if (high.is_zero()) return negate_low ? -low : low;
  Dyadic result;
  result.exponent = low.exponent;
  Number& mantissa = BoostInteger::of(result.mantissa);
  mantissa = mantissa_of(high);
  shift_to(mantissa, high.exponent, low.exponent);
  if (negate_high) mantissa.backend().negate();
  if (negate_low) {
    mantissa -= mantissa_of(low);
  } else {
    mantissa += mantissa_of(low);
  }
  return result;
}

}  // namespace

Dyadic Dyadic::of(double value) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  return {Integer(static_cast<std::int64_t>(std::ldexp(fraction, 53))), exponent - 53};
}

long double Dyadic::approximate() const {
  if (mantissa.is_zero()) return 0;
  const Number size = abs(mantissa_of(*this));
  const auto top = static_cast<std::int64_t>(msb(size));
  const std::int64_t drop = top > 62 ? top - 62 : 0;
  const auto magnitude =
      static_cast<long double>(static_cast<std::uint64_t>(Number(size >> static_cast<unsigned>(drop))));
  return std::ldexp(sign() < 0 ? -magnitude : magnitude, static_cast<int>(exponent + drop));
}

Dyadic operator+(const Dyadic& a, const Dyadic& b) {
  return a.exponent <= b.exponent ? sum(a, b, false, false) : sum(b, a, false, false);
}
Dyadic operator-(const Dyadic& a, const Dyadic& b) {
  return a.exponent <= b.exponent ? sum(a, b, false, true) : sum(b, a, true, false);
}
Dyadic operator-(const Dyadic& a) {
  return {-a.mantissa, a.exponent};
}
Dyadic operator*(const Dyadic& a, const Dyadic& b) {
  Dyadic product;
  product.exponent = a.exponent + b.exponent;
  multiply(BoostInteger::of(product.mantissa), mantissa_of(a), mantissa_of(b));
  return product;
}

int compare(const Dyadic& a, const Dyadic& b) {
  const int sa = a.sign();
  const int sb = b.sign();
  if (sa != sb || sa == 0) return (sa > sb) - (sa < sb);
  // Numbers of different size are compared without shifting: the shift may be thousands of bits.
  if (a.exponent != b.exponent && top_of(a) != top_of(b)) return (top_of(a) > top_of(b)) == (sa > 0) ? 1 : -1;
  const bool a_is_lower = a.exponent <= b.exponent;
  Number high = mantissa_of(a_is_lower ? b : a);
  shift_to(high, std::max(a.exponent, b.exponent), std::min(a.exponent, b.exponent));
  const int order = mantissa_of(a_is_lower ? a : b).compare(high);
  return a_is_lower ? (order > 0) - (order < 0) : (order < 0) - (order > 0);
}

}  // namespace bncheck
