// Sums of doubles that keep the rounding errors. All functions need round-to-nearest and no contraction.
#pragma once

#include <cmath>

namespace bn {

/// The unevaluated sum hi + lo, with |lo| ≤ ulp(hi)/2 for results of the functions below.
struct DoubleDouble {
  double hi = 0.0;
  double lo = 0.0;
};

/// a + b exactly, for any finite a and b (Knuth).
inline DoubleDouble two_sum(double a, double b) {
  const double sum = a + b;
  const double b_part = sum - a;
  return {sum, (a - (sum - b_part)) + (b - b_part)};
}

/// Sum of doubles as if in twice the precision (Ogita, Rump and Oishi, Sum2). The error of m additions is at
/// most u·|sum| for rounding hi + lo, and m²·u²·Σ|terms| for the low-order parts, u = 2^-53. NaN if a term is
/// not finite, also for infinite terms: their low-order part is ∞ − ∞.
class CompensatedSum {
 public:
  void add(double term) {
    const DoubleDouble step = two_sum(sum_.hi, term);
    sum_.hi = step.hi;
    sum_.lo += step.lo;
  }
  [[nodiscard]] DoubleDouble value() const { return two_sum(sum_.hi, sum_.lo); }

 private:
  DoubleDouble sum_;
};

/// a / n with a relative error of a few u². n must be a positive integer that a double holds.
inline DoubleDouble divide(DoubleDouble a, double n) {
  const double quotient = a.hi / n;
  const double rest = std::fma(-quotient, n, a.hi) + a.lo;
  return two_sum(quotient, rest / n);
}

/// a + b with an error of u² times the larger of |a| and |b|, up to a small factor.
inline DoubleDouble add(double a, DoubleDouble b) {
  const DoubleDouble sum = two_sum(a, b.hi);
  return two_sum(sum.hi, sum.lo + b.lo);
}

}  // namespace bn
