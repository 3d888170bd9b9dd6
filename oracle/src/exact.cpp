#include "bncheck/exact.hpp"

#include <bit>
#include <cmath>

#include "bncheck/elements.hpp"

namespace bncheck {

Radicand::Radicand(Dyadic b) : value(std::move(b)), root(std::sqrt(value.approximate())) {}

ExactNumber ExactNumber::rational(Dyadic numerator, Dyadic denominator) {
  return quadratic(Dyadic(), nullptr, std::move(numerator), std::move(denominator));
}

ExactNumber ExactNumber::quadratic(Dyadic a, std::shared_ptr<const Radicand> b, Dyadic c, Dyadic d) {
  ExactNumber number(Kind::finite);
  number.a_ = std::move(a);
  number.root_ = std::move(b);
  number.c_ = std::move(c);
  number.d_is_one_ = d.exponent == 0 && d.mantissa == 1;
  number.d_ = std::move(d);
  return number;
}

/// this − t has the sign of (a/√b − q)/d with q = t·d − c. Where a and q have the same sign s, a/√b − q has
/// the sign of s·(a² − q²b).
int ExactNumber::compare(const Dyadic& t) const {
  const Dyadic q = (d_is_one_ ? t : t * d_) - c_;
  const int sa = a_.sign();
  const int sq = q.sign();
  int order = 0;
  if (sa != sq) {
    order = sa > sq ? 1 : -1;
  } else if (sa != 0) {
    order = sa * bncheck::compare(a_ * a_, q * q * root_->value);
  }
  return d_.sign() * order;
}

/// |t − this| = |q√b − a| / (|d|√b). Where q and a have the same sign the numerator cancels; there it is |q²b
/// − a²| / (|q|√b + |a|) instead, exact up to the final conversions.
long double ExactNumber::distance(const Dyadic& t) const {
  const Dyadic q = (d_is_one_ ? t : t * d_) - c_;
  const long double d = std::fabs(d_.approximate());
  const long double abs_q = std::fabs(q.approximate());
  if (a_.is_zero()) return abs_q / d;
  const long double root = root_->root;
  const long double sum = abs_q * root + std::fabs(a_.approximate());
  if (a_.sign() != q.sign()) return sum / (d * root);
  const Dyadic gap = q * q * root_->value - a_ * a_;
  return std::fabs(gap.approximate()) / sum / (d * root);
}

long double ExactNumber::approximate() const {
  const long double c = c_.approximate();
  if (a_.is_zero()) return c / d_.approximate();
  return (a_.approximate() / root_->root + c) / d_.approximate();
}

Dyadic value_of_code(std::uint64_t code, const FloatFormat& format) {
  const int fraction_bits = format.precision - 1;
  const std::uint64_t hidden = std::uint64_t{1} << fraction_bits;
  const auto biased = static_cast<std::int64_t>(code >> fraction_bits);
  const std::uint64_t fraction = code & (hidden - 1);
  if (biased == 0) return {Integer(fraction), format.smallest_exponent()};
  return {Integer(fraction | hidden), format.smallest_exponent() + biased - 1};
}

namespace {

/// Midpoint of the numbers with codes `below` and `below + 1`. For the largest finite number the next one is
/// taken as 2^(emax+1), the number that the format would have with a larger exponent: by the rounding rule,
/// infinity begins at that midpoint.
Dyadic midpoint_above(std::uint64_t below, const FloatFormat& format) {
  const Dyadic low = value_of_code(below, format);
  // The next number is one unit in the last place of `low` away, also across the upper end of a binade.
  return {low.mantissa * 2 + 1, low.exponent - 1};
}

}  // namespace

Dyadic overflow_threshold(const FloatFormat& format) {
  return midpoint_above(format.infinity_code() - 1, format);
}

namespace {

/// Code near `magnitude`, where the search for the nearest one starts.
std::uint64_t propose(long double magnitude, const FloatFormat& format) {
  if (!(magnitude > 0)) return 0;
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  const int lsb = std::max(exponent - format.precision, format.smallest_exponent());
  const long double scaled = std::ldexp(magnitude, -lsb) + 0.5L;
  if (!std::isfinite(magnitude) || exponent > -format.min_exponent + 2) {
    return format.infinity_code();
  }
  const auto significand = static_cast<std::uint64_t>(scaled);
  const std::uint64_t hidden = std::uint64_t{1} << (format.precision - 1);
  // A carry of the rounded significand and its hidden bit increase the biased exponent by themselves, as in
  // nearest_bits_of (elements.cpp).
  const auto biased_less_one = static_cast<std::uint64_t>(lsb - format.smallest_exponent());
  if (significand < hidden) return significand;
  return std::min((biased_less_one << (format.precision - 1)) + significand, format.infinity_code());
}

}  // namespace

/// Sign of (|this| − t), for a number of the given sign and t >= 0.
int ExactNumber::compare_magnitude(const Dyadic& t, int sign) const {
  return sign < 0 ? -compare(-t) : compare(t);
}

std::uint64_t ExactNumber::nearest_bits(const FloatFormat& format) const {
  const std::uint64_t sign_bit = std::uint64_t{1} << format.sign_shift();
  switch (kind_) {
    case Kind::nan:
      return format.nan_code();
    case Kind::plus_infinity:
      return format.infinity_code();
    case Kind::minus_infinity:
      return format.infinity_code() | sign_bit;
    case Kind::finite:
      break;
  }
  const int s = sign();
  if (s == 0) return 0;
  // Condition of the result: midpoint(code−1) <= |this| <= midpoint(code), ties to the even code.
  const auto too_low = [&](std::uint64_t code) {
    if (code == format.infinity_code()) return false;
    const int order = compare_magnitude(midpoint_above(code, format), s);
    return order > 0 || (order == 0 && (code & 1) != 0);
  };
  const auto too_high = [&](std::uint64_t code) { return code != 0 && !too_low(code - 1); };
  std::uint64_t code = propose(std::fabs(approximate()), format);
  if (too_low(code) || too_high(code)) {
    // Cancellation made the first guess wrong: bisect over all codes.
    std::uint64_t low = 0;
    std::uint64_t high = format.infinity_code();
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      if (too_low(middle)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    code = low;
  }
  return s < 0 ? code | sign_bit : code;
}

float ExactNumber::nearest_f32() const {
  return std::bit_cast<float>(static_cast<std::uint32_t>(nearest_bits(format_f32)));
}

double ExactNumber::nearest(const FloatFormat& format) const {
  return value_of_bits(nearest_bits(format), format);
}

std::int64_t ExactNumber::binade() const {
  const int s = sign();
  const long double magnitude = std::fabs(approximate());
  std::int64_t e = magnitude > 0 && std::isfinite(magnitude) ? std::ilogb(magnitude) : 0;
  const auto reaches = [&](std::int64_t exponent) { return compare_magnitude({1, exponent}, s) >= 0; };
  // The first guess is usually right. After cancellation it is off by the cancelled bits, so the step doubles
  // until the exponent is enclosed.
  std::int64_t step = 1;
  while (!reaches(e)) {
    e -= step;
    step *= 2;
  }
  std::int64_t high = e + 1;
  step = 1;
  while (reaches(high)) {
    e = high;
    high += step;
    step *= 2;
  }
  while (high - e > 1) {
    const std::int64_t middle = e + (high - e) / 2;
    (reaches(middle) ? e : high) = middle;
  }
  return e;
}

}  // namespace bncheck
