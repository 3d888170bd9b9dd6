#include "generate/values.hpp"

#include <bit>
#include <cmath>
#include <limits>

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

/// Irwin-Hall: four 16-bit uniforms have variance 65536^2/3; the factor also fills the significand.
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

/// A significand of any sign times 2^exponent.
float draw_scaled(Draws& draws, int low_exponent, int high_exponent) {
  const auto significand = static_cast<float>((draws.bits(24) | 0x800000) & 0xffffff);
  const auto exponent = static_cast<int>(draws.between(low_exponent, high_exponent));
  const float value = std::ldexp(significand, exponent - 23);
  return draws.chance(1, 2) ? -value : value;
}

float draw_special(Draws& draws) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  return draws.pick({inf, -inf, std::numeric_limits<float>::quiet_NaN(), -0.0f, 0.0f,
                     std::numeric_limits<float>::max(), -std::numeric_limits<float>::max(),
                     std::numeric_limits<float>::denorm_min()});
}

float draw_anchor(Draws& draws) {
  switch (draws.below(4)) {
    case 0:
      return draw_scaled(draws, -10, 20);
    case 1:
      return draws.pick({0.0f, 1.0f, -1.0f, 0.1f, 3.0f, 1e6f, -16777216.0f});
    case 2:
      return draw_ordinary(draws);
    default:
      return draw_any_finite(draws);
  }
}

/// Stepping over the representable numbers, without leaving the finite ones.
float neighbour(float value, int steps) {
  for (int k = 0; k < steps; ++k) {
    const float next = std::nextafter(value, std::numeric_limits<float>::max());
    value = std::isfinite(next) ? next : value;
  }
  return value;
}

/// One value of a regime; `a` and `b` are what the regime's values have in common.
float draw_value(Draws& draws, Regime regime, float a, float b) {
  switch (regime) {
    case Regime::ordinary:
      return draw_ordinary(draws);
    case Regime::large_mean:
      return a + b * draw_ordinary(draws);
    case Regime::constant:
      return a;
    case Regime::two_valued:
      return draws.chance(1, 2) ? a : b;
    case Regime::huge:
      return draw_scaled(draws, 50, 127);
    case Regime::tiny:
      return draw_scaled(draws, -149, -120);
    case Regime::mixed:
      return draw_scaled(draws, -40, 40);
    case Regime::ulp_neighbours:
      return neighbour(a, static_cast<int>(draws.below(4)));
    case Regime::integers:
      return static_cast<float>(draws.between(-8, 8));
    case Regime::sparse:
      return draws.chance(1, 3) ? std::fabs(draw_ordinary(draws)) : 0.0f;
    case Regime::special:
      break;
  }
  return draws.chance(1, 8) ? draw_special(draws) : draw_ordinary(draws);
}

}  // namespace

std::vector<float> draw_values(Draws& draws, Regime regime, std::size_t count) {
  float a = draw_anchor(draws);
  float b = draw_anchor(draws);
  if (regime == Regime::large_mean) {
    a = draws.chance(1, 2) ? 1.25f : -1.7f;
    a = std::ldexp(a, static_cast<int>(draws.between(3, 20)));
    b = std::ldexp(1.0f, static_cast<int>(draws.between(-3, 2)));
  }
  std::vector<float> values(count);
  for (float& value : values) value = draw_value(draws, regime, a, b);
  return values;
}

}  // namespace bncheck
