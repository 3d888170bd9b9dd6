#include "generate/values.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "bncheck/elements.hpp"

namespace bncheck {

std::string_view name_of(Regime regime) {
  switch (regime) {
    case Regime::ordinary:
      return "ordinary";
    case Regime::large_mean:
      return "large mean";
    case Regime::constant:
      return "constant";
    case Regime::two_valued:
      return "two-valued";
    case Regime::huge:
      return "huge";
    case Regime::tiny:
      return "tiny";
    case Regime::mixed:
      return "mixed";
    case Regime::ulp_neighbours:
      return "ulp neighbours";
    case Regime::integers:
      return "integers";
    case Regime::sparse:
      return "sparse";
    case Regime::special:
      break;
  }
  return "special";
}

const std::vector<Regime>& finite_regimes() {
  static const std::vector<Regime> regimes{
      Regime::ordinary, Regime::large_mean, Regime::constant,       Regime::two_valued, Regime::huge,
      Regime::tiny,     Regime::mixed,      Regime::ulp_neighbours, Regime::integers,   Regime::sparse};
  return regimes;
}

/// Sum of four uniform 16-bit numbers (Irwin–Hall), which has the variance 65536²/3. The factor √3/65536
/// makes the variance 1; it also fills the significand.
float draw_ordinary(Draws& draws) {
  const std::uint64_t bits = draws.bits(64);
  std::int64_t sum = -131070;
  for (int k = 0; k < 4; ++k) sum += static_cast<std::int64_t>((bits >> (16 * k)) & 0xffff);
  return static_cast<float>(static_cast<double>(sum) * (1.7320508075688772 / 65536));
}

float draw_any_finite(Draws& draws) {
  const auto bits = static_cast<std::uint32_t>(draws.bits(32));
  const bool special = (bits & 0x7f800000) == 0x7f800000;
  return std::bit_cast<float>(special ? bits ^ 0x40000000 : bits);
}

namespace {

/// Properties of a format that the regimes use.
struct Extent {
  Dtype dtype;
  int precision, smallest, min_exponent, max_exponent;
  double largest;
};
Extent extent_of(Dtype dtype) {
  const FloatFormat format = format_of(dtype);
  return {dtype,
          format.precision,
          format.smallest_exponent(),
          format.min_exponent,
          1 - format.min_exponent,
          largest_finite(dtype)};
}

/// Number with a random sign, a random significand of 24 bits and an exponent in the given range.
double draw_scaled(Draws& draws, int low_exponent, int high_exponent) {
  const auto significand = static_cast<double>((draws.bits(24) | 0x800000) & 0xffffff);
  const auto exponent = static_cast<int>(draws.between(low_exponent, high_exponent));
  const double value = std::ldexp(significand, exponent - 23);
  return draws.chance(1, 2) ? -value : value;
}

double draw_special(Draws& draws, const Extent& extent) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  return draws.pick({inf, -inf, std::numeric_limits<double>::quiet_NaN(), -0.0, 0.0, extent.largest,
                     -extent.largest, std::ldexp(1.0, extent.smallest)});
}

/// Any finite number of the format. All exponents are equally likely, except one, which is twice as likely.
double draw_any_finite_of(Draws& draws, Dtype dtype) {
  if (dtype == Dtype::f32) return static_cast<double>(draw_any_finite(draws));
  const FloatFormat format = format_of(dtype);
  std::uint64_t bits = draws.bits(format.sign_shift() + 1);
  const bool special = (bits & format.infinity_code()) == format.infinity_code();
  // Clears the second-highest bit of the exponent.
  if (special) bits ^= std::uint64_t{1} << (format.sign_shift() - 2);
  return value_of_bits(bits, format);
}

double draw_anchor(Draws& draws, const Extent& extent) {
  switch (draws.below(4)) {
    case 0:
      return draw_scaled(draws, -10, 20);
    case 1:
      return static_cast<double>(draws.pick({0.0f, 1.0f, -1.0f, 0.1f, 3.0f, 1e6f, -16777216.0f}));
    case 2:
      return static_cast<double>(draw_ordinary(draws));
    default:
      return draw_any_finite_of(draws, extent.dtype);
  }
}

/// Number that is `steps` representable numbers above `value`, at most the largest finite one.
double neighbour(double value, int steps, const Extent& extent) {
  for (int k = 0; k < steps && value < extent.largest; ++k) value = next_to(extent.dtype, value, true);
  return value;
}

/// One value of a regime. All values of one draw_values call share `a` and `b`.
double draw_value(Draws& draws, Regime regime, double a, double b, const Extent& extent) {
  switch (regime) {
    case Regime::ordinary:
      return static_cast<double>(draw_ordinary(draws));
    case Regime::large_mean:
      return a + b * static_cast<double>(draw_ordinary(draws));
    case Regime::constant:
      return a;
    case Regime::two_valued:
      return draws.chance(1, 2) ? a : b;
    case Regime::huge:
      return draw_scaled(draws, extent.max_exponent * 50 / 127, extent.max_exponent);
    case Regime::tiny:
      return draw_scaled(draws, extent.smallest, extent.min_exponent + 6);
    case Regime::mixed: {
      const int reach = std::min(40, extent.max_exponent - 1);
      return draw_scaled(draws, -reach, reach);
    }
    case Regime::ulp_neighbours:
      return neighbour(a, static_cast<int>(draws.below(4)), extent);
    case Regime::integers:
      return static_cast<double>(draws.between(-8, 8));
    case Regime::sparse:
      return draws.chance(1, 3) ? std::fabs(static_cast<double>(draw_ordinary(draws))) : 0.0;
    case Regime::special:
      break;
  }
  return draws.chance(1, 8) ? draw_special(draws, extent) : static_cast<double>(draw_ordinary(draws));
}

/// Whether the values of the regime are `a`, `b` or numbers above them, which are numbers of the dtype
/// already. Fitting each value again could make equal ones differ.
bool has_common_values(Regime regime) {
  return regime == Regime::constant || regime == Regime::two_valued || regime == Regime::ulp_neighbours;
}

}  // namespace

double Fitting::operator()(double value) const {
  if (!std::isfinite(value)) return value;
  if (fine_ && value != 0) value += value * std::ldexp(static_cast<double>(draws_.bits(29)), -53);
  const double largest = largest_finite(dtype_);
  return std::clamp(rounded_to(dtype_, value), -largest, largest);
}

std::vector<double> draw_values(Draws& draws, Regime regime, std::size_t count, Dtype dtype) {
  const Extent extent = extent_of(dtype);
  const Fitting fitted(draws, dtype);
  double a = fitted(draw_anchor(draws, extent));
  double b = fitted(draw_anchor(draws, extent));
  if (regime == Regime::large_mean) {
    a = draws.chance(1, 2) ? static_cast<double>(1.25f) : static_cast<double>(-1.7f);
    a = std::ldexp(a, static_cast<int>(draws.between(3, extent.precision - 4)));
    b = std::ldexp(1.0, static_cast<int>(draws.between(-3, 2)));
  }
  std::vector<double> values(count);
  for (double& value : values) {
    value = draw_value(draws, regime, a, b, extent);
    if (!has_common_values(regime)) value = fitted(value);
  }
  return values;
}

int draw_exponent(Draws& draws, Dtype dtype) {
  const Extent extent = extent_of(dtype);
  if (draws.chance(1, 2)) return static_cast<int>(draws.between(extent.smallest, extent.max_exponent));
  // Squares leave the range at half of an end's exponent, cubes at a third; n values reach an end log2(n) before it.
  const int end =
      draws.chance(1, 2) ? extent.max_exponent : draws.pick({extent.smallest, extent.min_exponent});
  const int border = end / draws.pick({1, 2, 3});
  return std::clamp(border + static_cast<int>(draws.between(-8, 8)), extent.smallest, extent.max_exponent);
}

void scale_by(Tensor& tensor, int exponent) {
  const double largest = largest_finite(tensor.dtype);
  change_elements(tensor, [&](double value) {
    const double scaled = rounded_to(tensor.dtype, std::ldexp(value, exponent));
    return std::isfinite(value) ? std::clamp(scaled, -largest, largest) : value;
  });
}

}  // namespace bncheck
