#pragma once
/// Values that know floating point: regimes in which BatchNorms go wrong.

#include <string_view>
#include <vector>

#include "bncheck/tensor.hpp"
#include "core/draws.hpp"

namespace bncheck {

enum class Regime {
  ordinary,        ///< about N(0, 1)
  large_mean,      ///< mean up to 1e6 times the spread: cancellation in x - mu and in E[x^2] - mu^2. In
                   ///< other formats than float32 as many times as leaves the spread a few bits
  constant,        ///< one value: sigma^2 = 0
  two_valued,      ///< two values
  huge,            ///< 1e15 to 3e38: squares overflow float. The upper 60 % of another format's exponents
  tiny,            ///< subnormals and their neighbours
  mixed,           ///< exponents from -40 to 40 side by side
  ulp_neighbours,  ///< a few consecutive numbers of the format
  integers,        ///< small integers: exact arithmetic, ties
  sparse,          ///< mostly zeros, as after a ReLU
  special,         ///< ordinary with infinities, NaN and -0
};

std::string_view name_of(Regime regime);
/// All regimes of finite values.
const std::vector<Regime>& finite_regimes();

/// Numbers of the dtype. They are drawn as floats and rounded; what overflows becomes the largest finite
/// number, and of float64 tensors half have random bits below a float's.
std::vector<double> draw_values(Draws& draws, Regime regime, std::size_t count, Dtype dtype = Dtype::f32);

/// How floats become numbers of a dtype, for one tensor.
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
/// About N(0, 1).
float draw_ordinary(Draws& draws);
/// Any float that is not NaN or infinite, every exponent equally likely.
float draw_any_finite(Draws& draws);

}  // namespace bncheck
