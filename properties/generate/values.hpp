#pragma once
/// Float values that know floating point: regimes in which BatchNorms go wrong.

#include <string_view>
#include <vector>

#include "core/draws.hpp"

namespace bncheck {

enum class Regime {
  ordinary,        ///< about N(0, 1)
  large_mean,      ///< mean up to 1e6 times the spread: cancellation in x - mu and in E[x^2] - mu^2
  constant,        ///< one value: sigma^2 = 0
  two_valued,      ///< two values
  huge,            ///< 1e15 to 3e38: squares overflow float
  tiny,            ///< subnormals and their neighbours
  mixed,           ///< exponents from -40 to 40 side by side
  ulp_neighbours,  ///< a few consecutive floats
  integers,        ///< small integers: exact arithmetic, ties
  sparse,          ///< mostly zeros, as after a ReLU
  special,         ///< ordinary with infinities, NaN and -0
};

std::string_view name_of(Regime regime);
/// All regimes of finite values.
const std::vector<Regime>& finite_regimes();

std::vector<float> draw_values(Draws& draws, Regime regime, std::size_t count);
/// About N(0, 1).
float draw_ordinary(Draws& draws);
/// Any float that is not NaN or infinite, every exponent equally likely.
float draw_any_finite(Draws& draws);

}  // namespace bncheck
