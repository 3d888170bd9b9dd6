#pragma once
/// The arithmetic of the variants: float's 24 bits of significand, and double's exponents or float's.
///
/// Every operation is rounded as float rounds it. For +, −, ·, / and √ of 24-bit numbers, rounding to
/// double's 53 ≥ 2·24 + 2 bits first makes no difference (Figueroa 1995). The wide exponents have the effect
/// that careful float code achieves by scaling with powers of two. `narrowed` is for careless code, which
/// does not scale in one place, and Exponents::of_float for code that scales nowhere: it is float arithmetic as it is
/// written. Rounding to 53 bits first makes no difference there either: a subnormal result has fewer than 24 bits.
/// Exponents::flushed is the same with subnormal inputs and results replaced by zeros.

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace bncheck::variants {

/// Exponents of all Reals of a thread, in a scope.
class Exponents {
 public:
  enum class Range { of_double, of_float, flushed };
  explicit Exponents(Range range) : before_(range_) { range_ = range; }
  ~Exponents() { range_ = before_; }
  Exponents(const Exponents&) = delete;
  Exponents& operator=(const Exponents&) = delete;

  static Range range() { return range_; }

 private:
  static inline thread_local Range range_ = Range::of_double;
  Range before_;
};

class Real {
 public:
  constexpr Real() = default;
  constexpr Real(float value) : value_(static_cast<double>(value)) {
    if (!std::is_constant_evaluated() && Exponents::range() == Exponents::Range::flushed)
      value_ = flushed(value_);
  }
  /// The value rounded to 24 bits.
  explicit Real(double value) : value_(rounded(value)) {}
  static Real count(std::int64_t n) { return Real(static_cast<double>(n)); }

  double value() const { return value_; }
  float to_float() const { return static_cast<float>(value_); }
  /// The value as float holds it: infinite beyond its range, with fewer bits or zero below.
  Real narrowed() const { return to_float(); }

  friend Real operator+(Real a, Real b) { return Real(a.value_ + b.value_); }
  friend Real operator-(Real a, Real b) { return Real(a.value_ - b.value_); }
  friend Real operator*(Real a, Real b) { return Real(a.value_ * b.value_); }
  friend Real operator/(Real a, Real b) { return Real(a.value_ / b.value_); }
  friend bool operator<(Real a, Real b) { return a.value_ < b.value_; }
  friend Real sqrt(Real a) { return Real(std::sqrt(a.value_)); }
  /// a·b + c. The product of 24-bit numbers is exact in double.
  friend Real fused(Real a, Real b, Real c) { return Real(a.value_ * b.value_ + c.value_); }
  friend Real abs(Real a) { return Real(std::fabs(a.value_)); }

 private:
  /// Rounds to nearest even by adding just below half of the last place that is kept. A carry moves the
  /// exponent, and an infinity has nothing below to carry.
  static double rounded(double value) {
    const Exponents::Range range = Exponents::range();
    if (range != Exponents::Range::of_double) {
      const auto narrow = static_cast<double>(static_cast<float>(value));
      return range == Exponents::Range::flushed ? flushed(narrow) : narrow;
    }
    std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
    bits += 0x0fffffff + ((bits >> 29) & 1);
    return std::bit_cast<double>(bits & ~std::uint64_t{0x1fffffff});
  }

  static double flushed(double value) {
    return std::fabs(value) < 0x1p-126 ? std::copysign(0, value) : value;
  }

  double value_ = 0;
};

}  // namespace bncheck::variants
