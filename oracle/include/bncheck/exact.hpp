#pragma once
/// Exact numbers. Every output of BatchNorm is (a/sqrt(b) + c)/d with dyadic a, b, c, d (MATHEMATICS: every
/// output lies in Q(sqrt b)), or one of NaN, +inf, -inf. Comparing such a number with a float is a comparison
/// of integers: there is no precision to choose and no tolerance.

#include <cstdint>
#include <memory>
#include <utility>

#include "bncheck/float_format.hpp"
#include "bncheck/integer.hpp"

namespace bncheck {

/// mantissa * 2^exponent, not normalised.
struct Dyadic {
  Integer mantissa;
  std::int64_t exponent = 0;

  Dyadic() = default;
  Dyadic(Integer m, std::int64_t e) : mantissa(std::move(m)), exponent(e) {}
  /// Exact. Precondition: finite.
  static Dyadic of(double value);
  static Dyadic of(std::int64_t value) { return {Integer(value), 0}; }

  int sign() const { return mantissa.sign(); }
  bool is_zero() const { return mantissa.is_zero(); }
  /// Relative error below 2^-62; long double's exponent range holds every number that occurs here.
  long double approximate() const;
};

Dyadic operator+(const Dyadic& a, const Dyadic& b);
Dyadic operator-(const Dyadic& a, const Dyadic& b);
Dyadic operator*(const Dyadic& a, const Dyadic& b);
Dyadic operator-(const Dyadic& a);
/// -1, 0, 1 as a < b, a = b, a > b.
int compare(const Dyadic& a, const Dyadic& b);

/// b under a root, shared by all elements of a channel.
struct Radicand {
  Dyadic value;
  long double root;  ///< approximately sqrt(value)
  explicit Radicand(Dyadic b);
};

/// The extended reals and NaN.
class ExactNumber {
 public:
  enum class Kind { finite, nan, plus_infinity, minus_infinity };

  static ExactNumber nan() { return ExactNumber(Kind::nan); }
  static ExactNumber infinity(int sign) {
    return ExactNumber(sign < 0 ? Kind::minus_infinity : Kind::plus_infinity);
  }
  /// numerator / denominator. Precondition: denominator is not zero.
  static ExactNumber rational(Dyadic numerator, Dyadic denominator);
  /// (a/sqrt(b) + c)/d. Preconditions: b > 0, d != 0.
  static ExactNumber quadratic(Dyadic a, std::shared_ptr<const Radicand> b, Dyadic c, Dyadic d);

  Kind kind() const { return kind_; }
  bool is_finite() const { return kind_ == Kind::finite; }
  bool is_nan() const { return kind_ == Kind::nan; }

  /// Sign of (this - t), decided by integers. Precondition: finite.
  int compare(const Dyadic& t) const;
  int sign() const { return compare(Dyadic()); }
  /// |this - t|, relative error below 2^-58: the cancelling difference of the root and a rational is
  /// multiplied out in integers first. Precondition: finite.
  long double distance(const Dyadic& t) const;
  /// For magnitudes and proposals only: cancellation between a/sqrt(b) and c is not repaired. Finite only.
  long double approximate() const;

  /// Bits of the nearest number of the format, ties to even, an exact zero is +0, overflow is infinity, NaN
  /// is the format's positive quiet NaN.
  std::uint64_t nearest_bits(const FloatFormat& format) const;
  float nearest_f32() const;
  /// That number, which a double holds whatever the format.
  double nearest(const FloatFormat& format) const;
  /// floor(log2 |this|), exact. Precondition: finite and not zero.
  std::int64_t binade() const;

 private:
  explicit ExactNumber(Kind kind) : kind_(kind) {}
  int compare_magnitude(const Dyadic& t, int sign) const;

  Kind kind_ = Kind::finite;
  Dyadic a_, c_, d_;
  bool d_is_one_ = false;
  std::shared_ptr<const Radicand> root_;  ///< null: a rational number c/d
};

/// Numbers of `format`, exactly. Precondition: a finite code.
Dyadic value_of_code(std::uint64_t code, const FloatFormat& format);
/// From this magnitude on, numbers round to infinity: half an ulp past the largest finite one.
Dyadic overflow_threshold(const FloatFormat& format);

}  // namespace bncheck
