#include <cmath>

#include "bncheck/exact.hpp"

namespace bncheck {

Dyadic Dyadic::of(double value) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  return {Integer(static_cast<std::int64_t>(std::ldexp(fraction, 53))), exponent - 53};
}

long double Dyadic::approximate() const {
  if (mantissa.is_zero()) return 0;
  const auto top = static_cast<std::int64_t>(msb(abs(mantissa)));
  const std::int64_t drop = top > 62 ? top - 62 : 0;
  const Integer head = abs(mantissa) >> static_cast<unsigned>(drop);
  const auto magnitude = static_cast<long double>(static_cast<std::uint64_t>(head));
  return std::ldexp(sign() < 0 ? -magnitude : magnitude, static_cast<int>(exponent + drop));
}

namespace {
/// The mantissas of a and b over their smaller exponent, which is returned.
std::int64_t align(const Dyadic& a, const Dyadic& b, Integer& am, Integer& bm) {
  const std::int64_t low = a.exponent < b.exponent ? a.exponent : b.exponent;
  am = a.mantissa;
  bm = b.mantissa;
  if (a.exponent > low) am <<= static_cast<unsigned>(a.exponent - low);
  if (b.exponent > low) bm <<= static_cast<unsigned>(b.exponent - low);
  return low;
}
}  // namespace

Dyadic operator+(const Dyadic& a, const Dyadic& b) {
  if (a.is_zero()) return b;
  if (b.is_zero()) return a;
  Dyadic sum;
  Integer bm;
  sum.exponent = align(a, b, sum.mantissa, bm);
  sum.mantissa += bm;
  return sum;
}

Dyadic operator-(const Dyadic& a) {
  return {-a.mantissa, a.exponent};
}
Dyadic operator-(const Dyadic& a, const Dyadic& b) {
  return a + -b;
}
Dyadic operator*(const Dyadic& a, const Dyadic& b) {
  return {a.mantissa * b.mantissa, a.exponent + b.exponent};
}

int compare(const Dyadic& a, const Dyadic& b) {
  const int sa = a.sign();
  const int sb = b.sign();
  if (sa != sb || sa == 0) return (sa > sb) - (sa < sb);
  if (a.exponent == b.exponent)
    return a.mantissa.compare(b.mantissa) < 0 ? -1 : a.mantissa.compare(b.mantissa) > 0;
  // Numbers of different size are told apart without shifting: the shift may be by thousands of bits.
  const auto top = [](const Dyadic& v) {
    return v.exponent + static_cast<std::int64_t>(msb(abs(v.mantissa)));
  };
  if (top(a) != top(b)) return (top(a) > top(b)) == (sa > 0) ? 1 : -1;
  Integer am;
  Integer bm;
  align(a, b, am, bm);
  const int order = am.compare(bm);
  return (order > 0) - (order < 0);
}

}  // namespace bncheck
