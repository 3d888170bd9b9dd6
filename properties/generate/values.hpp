#pragma once
/// Generators of values by regime. The regimes cause rounding, cancellation, overflow and underflow in a
/// BatchNorm.

#include <string_view>
#include <vector>

#include "bncheck/tensor.hpp"
#include "core/draws.hpp"

namespace bncheck {

enum class Regime {
  ordinary,        ///< approximately N(0, 1)
  large_mean,      ///< mean up to 2^(precision − 3), spread from 1/8 (at the largest means one ulp) to 4:
                   ///< cancellation in x − μ and in E[x²] − μ²
  constant,        ///< one value: σ² = 0
  two_valued,      ///< two values in random order
  huge,            ///< from 1e15 to 3e38: most squares overflow float. In other formats, the upper 60 % of
                   ///< the positive exponents
  tiny,            ///< subnormal numbers, and normal ones up to 2^7 times the smallest
  mixed,           ///< exponents from −40 to 40 side by side; fewer in a format with fewer exponents
  ulp_neighbours,  ///< up to four consecutive numbers of the format
  integers,        ///< integers from −8 to 8: exact arithmetic, ties
  sparse,          ///< mostly zeros, as after a ReLU
  special,         ///< ordinary values among infinities, NaN, ±0 and the largest and smallest numbers
};

std::string_view name_of(Regime regime);
/// All regimes whose values are finite.
const std::vector<Regime>& finite_regimes();

/// Values of a regime as numbers of the dtype. Most are drawn with the precision of a float and then rounded;
/// a finite value that overflows becomes the largest finite number. Half of the calls for float64 add random
/// bits below the last bit of a float.
std::vector<double> draw_values(Draws& draws, Regime regime, std::size_t count, Dtype dtype = Dtype::f32);

/// Conversion of drawn values to numbers of a dtype. Whether float64 numbers get random bits below the last
/// bit of a float is chosen once for all values.
class Fitting {
 public:
  Fitting(Draws& draws, Dtype dtype) : draws_(draws), dtype_(dtype) {
    fine_ = dtype == Dtype::f64 && draws.chance(1, 2);
  }
  double operator()(double value) const;

 private:
  Draws& draws_;
  Dtype dtype_;
  bool fine_;
};
/// Exponent by which numbers of about 1 become any others of the dtype. Half of them lie next to one where an
/// intermediate result of BatchNorm begins to overflow or to underflow: a square, a sum of squares, a power of invstd.
int draw_exponent(Draws& draws, Dtype dtype);
/// Multiplies all elements by 2^exponent, rounded and limited to finite numbers of the dtype.
void scale_by(Tensor& tensor, int exponent);

/// Number with approximately the distribution N(0, 1).
float draw_ordinary(Draws& draws);
/// Any finite float. All exponents are equally likely, except that of 1, which is twice as likely.
float draw_any_finite(Draws& draws);

}  // namespace bncheck
