#pragma once
/// MPFR numbers and MPFI intervals with the syntax of numbers, for the witness and the tests of exact
/// numbers. Every result has the precision of its left operand.

#include <mpfi.h>
#include <mpfi_io.h>
#include <mpfr.h>

#include <optional>

#include "bncheck/exact.hpp"
#include "support.hpp"

namespace bncheck::test {

class Real {
 public:
  explicit Real(mpfr_prec_t precision) { mpfr_init2(value_, precision); }
  Real(mpfr_prec_t precision, double value) : Real(precision) { mpfr_set_d(value_, value, MPFR_RNDN); }
  /// Exact if `precision` is large enough.
  Real(mpfr_prec_t precision, const Dyadic& value) : Real(precision) {
    const std::string digits = value.mantissa.hexadecimal();
    mpfr_set_str(value_, digits.c_str(), 16, MPFR_RNDN);
    mpfr_mul_2si(value_, value_, value.exponent, MPFR_RNDN);
    if (value.sign() < 0) mpfr_neg(value_, value_, MPFR_RNDN);
  }
  Real(const Real& other) : Real(mpfr_get_prec(other.value_)) { mpfr_set(value_, other.value_, MPFR_RNDN); }
  Real& operator=(const Real& other) {
    mpfr_set_prec(value_, mpfr_get_prec(other.value_));
    mpfr_set(value_, other.value_, MPFR_RNDN);
    return *this;
  }
  ~Real() { mpfr_clear(value_); }

  mpfr_ptr get() { return value_; }
  mpfr_srcptr get() const { return value_; }
  mpfr_prec_t precision() const { return mpfr_get_prec(value_); }

  friend Real operator+(const Real& a, const Real& b) { return binary(mpfr_add, a, b); }
  friend Real operator-(const Real& a, const Real& b) { return binary(mpfr_sub, a, b); }
  friend Real operator*(const Real& a, const Real& b) { return binary(mpfr_mul, a, b); }
  friend Real operator/(const Real& a, const Real& b) { return binary(mpfr_div, a, b); }
  friend Real sqrt(const Real& a) { return unary(mpfr_sqrt, a); }
  friend Real abs(const Real& a) {
    Real result(a.precision());
    mpfr_abs(result.value_, a.value_, MPFR_RNDN);
    return result;
  }
  friend int compare(const Real& a, const Real& b) { return mpfr_cmp(a.value_, b.value_); }

 private:
  template <class F>
  static Real binary(F f, const Real& a, const Real& b) {
    Real result(a.precision());
    f(result.value_, a.value_, b.value_, MPFR_RNDN);
    return result;
  }
  template <class F>
  static Real unary(F f, const Real& a) {
    Real result(a.precision());
    f(result.value_, a.value_, MPFR_RNDN);
    return result;
  }
  mpfr_t value_;
};

/// Enclosure of an exact number, which lies between its ends, both included.
class Interval {
 public:
  explicit Interval(mpfr_prec_t precision) { mpfi_init2(value_, precision); }
  Interval(mpfr_prec_t precision, double value) : Interval(precision) { mpfi_set_d(value_, value); }
  Interval(const Interval& other) : Interval(mpfi_get_prec(other.value_)) { mpfi_set(value_, other.value_); }
  Interval& operator=(const Interval& other) {
    mpfi_set_prec(value_, mpfi_get_prec(other.value_));
    mpfi_set(value_, other.value_);
    return *this;
  }
  ~Interval() { mpfi_clear(value_); }

  friend Interval operator+(const Interval& a, const Interval& b) { return binary(mpfi_add, a, b); }
  friend Interval operator-(const Interval& a, const Interval& b) { return binary(mpfi_sub, a, b); }
  friend Interval operator*(const Interval& a, const Interval& b) { return binary(mpfi_mul, a, b); }
  friend Interval operator/(const Interval& a, const Interval& b) { return binary(mpfi_div, a, b); }
  friend Interval sqrt(const Interval& a) { return unary(mpfi_sqrt, a); }
  friend Interval square(const Interval& a) { return unary(mpfi_sqr, a); }

  bool is_nan() const { return mpfi_nan_p(value_) != 0; }
  bool contains(const Real& value) const { return mpfi_is_inside_fr(value.get(), value_) > 0; }
  Real left() const {
    Real end(mpfi_get_prec(value_));
    mpfi_get_left(end.get(), value_);
    return end;
  }
  Real right() const {
    Real end(mpfi_get_prec(value_));
    mpfi_get_right(end.get(), value_);
    return end;
  }

 private:
  template <class F>
  static Interval binary(F f, const Interval& a, const Interval& b) {
    Interval result(mpfi_get_prec(a.value_));
    f(result.value_, a.value_, b.value_);
    return result;
  }
  template <class F>
  static Interval unary(F f, const Interval& a) {
    Interval result(mpfi_get_prec(a.value_));
    f(result.value_, a.value_);
    return result;
  }
  mpfi_t value_;
};

/// Float nearest to a number, ties to even; zero is +0, also where MPFR's has a sign. Real.RoundsToFloat
/// checks that mpfr_get_flt rounds once, subnormal results included.
inline float nearest_f32(const Real& value) {
  return mpfr_zero_p(value.get()) != 0 ? 0.0f : mpfr_get_flt(value.get(), MPFR_RNDN);
}

/// Float that every number of the interval rounds to, if there is one. The bits decide: an interval around
/// zero has ends that round to −0 and +0. A quotient by an interval around zero may have no ends.
inline std::optional<float> nearest_f32(const Interval& interval) {
  if (interval.is_nan()) return std::nullopt;
  const float low = nearest_f32(interval.left());
  const float high = nearest_f32(interval.right());
  if (bits_of(low) != bits_of(high)) return std::nullopt;
  return low;
}

/// Number of any format nearest to a number: rounded to the precision of the format within its exponent
/// range, with the ternary value passed on, so that the rounding of a subnormal takes the first rounding into
/// account. The result is a number of the format, and so a double.
inline double nearest(const Real& value, const FloatFormat& format) {
  const mpfr_exp_t emin = mpfr_get_emin();
  const mpfr_exp_t emax = mpfr_get_emax();
  Real rounded(format.precision);
  mpfr_set_emin(format.smallest_exponent() + 1);  // MPFR's significands are in [1/2, 1)
  mpfr_set_emax(2 - format.min_exponent);
  int ternary = mpfr_set(rounded.get(), value.get(), MPFR_RNDN);
  ternary = mpfr_check_range(rounded.get(), ternary, MPFR_RNDN);
  mpfr_subnormalize(rounded.get(), ternary, MPFR_RNDN);
  mpfr_set_emin(emin);
  mpfr_set_emax(emax);
  return mpfr_get_d(rounded.get(), MPFR_RNDN);
}

}  // namespace bncheck::test
