#pragma once
/// Exact numbers. Every output of BatchNorm is (a/√b + c)/d with dyadic a, b, c and d (an element of the
/// field Q(√b)), or one of NaN, +infinity, −infinity: see oracle/MATHEMATICS.md, section 1. Comparing such a number with a float means comparing
/// integers: there is no precision to choose and no tolerance.

#include <cstdint>
#include <memory>
#include <utility>

#include "bncheck/float_format.hpp"
#include "bncheck/integer.hpp"

namespace bncheck {

/// mantissa · 2^exponent, not normalised.
struct Dyadic {
  Integer mantissa;
  std::int64_t exponent = 0;

  Dyadic() = default;
  Dyadic(Integer m, std::int64_t e) : mantissa(std::move(m)), exponent(e) {}
  /// The same number, exactly. Precondition: finite.
  static Dyadic of(double value);
  static Dyadic of(std::int64_t value) { return {Integer(value), 0}; }

  int sign() const { return mantissa.sign(); }
  bool is_zero() const { return mantissa.is_zero(); }
  /// Approximation with a relative error below 2^−62. The exponent range of long double holds every number
  /// that occurs here.
  long double approximate() const;
};

Dyadic operator+(const Dyadic& a, const Dyadic& b);
Dyadic operator-(const Dyadic& a, const Dyadic& b);
Dyadic operator*(const Dyadic& a, const Dyadic& b);
Dyadic operator-(const Dyadic& a);
/// −1, 0, 1 for a < b, a = b, a > b.
int compare(const Dyadic& a, const Dyadic& b);

/// The b of (a/√b + c)/d, shared by all elements of a channel.
struct Radicand {
  Dyadic value;
  long double root;  ///< approximately √value
  explicit Radicand(Dyadic b);
};

/// Number in the extended reals, or NaN.
class ExactNumber {
 public:
  enum class Kind { finite, nan, plus_infinity, minus_infinity };

  static ExactNumber nan() { return ExactNumber(Kind::nan); }
  static ExactNumber infinity(int sign) {
    return ExactNumber(sign < 0 ? Kind::minus_infinity : Kind::plus_infinity);
  }
  /// numerator / denominator. Precondition: the denominator is not zero.
  static ExactNumber rational(Dyadic numerator, Dyadic denominator);
  /// (a/√b + c)/d. Preconditions: b > 0, d != 0.
  static ExactNumber quadratic(Dyadic a, std::shared_ptr<const Radicand> b, Dyadic c, Dyadic d);

  Kind kind() const { return kind_; }
  bool is_finite() const { return kind_ == Kind::finite; }
  bool is_nan() const { return kind_ == Kind::nan; }

  /// Sign of (this − t), decided by integers. Precondition: finite.
  int compare(const Dyadic& t) const;
  int sign() const { return compare(Dyadic()); }
  /// |this − t| with a relative error below 2^−58. Where the root and a rational number cancel, the
  /// difference is multiplied out in integers first. Precondition: finite.
  long double distance(const Dyadic& t) const;
  /// Approximation for magnitudes and first guesses: it loses accuracy where a/√b and c cancel. Precondition:
  /// finite.
  long double approximate() const;

  /// Bits of the nearest number of the format, ties to even. An exact zero is +0, overflow gives infinity,
  /// NaN gives the positive quiet NaN of the format.
  std::uint64_t nearest_bits(const FloatFormat& format) const;
  float nearest_f32() const;
  /// The nearest number of the format, as a double, which holds it exactly.
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

/// Number of `format` with this code, exactly. Precondition: the code of a finite number.
Dyadic value_of_code(std::uint64_t code, const FloatFormat& format);
/// Smallest magnitude that rounds to infinity: half an ulp above the largest finite number.
Dyadic overflow_threshold(const FloatFormat& format);

}  // namespace bncheck
