#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "edits.hpp"
#include "generate/values.hpp"

namespace bncheck::fuzz {
namespace {

/// An x or dy in four of five draws, else a tensor of the state. Null if there are no values.
Tensor* pick_tensor(Draws& draws, Case& c) {
  std::vector<Tensor*> inputs;
  std::vector<Tensor*> others = vectors_of(c.state);
  for (Call& call : c.calls) {
    if (Tensor* input = input_of(call)) inputs.push_back(input);
  }
  std::vector<Tensor*>& chosen = others.empty() || (!inputs.empty() && draws.chance(4, 5)) ? inputs : others;
  if (chosen.empty()) return nullptr;
  Tensor* tensor = draws.pick_from(chosen);
  return tensor->bytes.empty() ? nullptr : tensor;
}

float flipped(Draws& draws, float value) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) ^ (std::uint32_t{1} << draws.below(32)));
}

/// The float up to eight steps away, in either direction.
float stepped(Draws& draws, float value) {
  const float target =
      draws.chance(1, 2) ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity();
  for (std::int64_t k = draws.between(1, 8); k > 0; --k) value = std::nextafter(value, target);
  return value;
}

float special(Draws& draws) {
  using Limits = std::numeric_limits<float>;
  // Mostly finite: with one value that is not, most laws do not apply to the case.
  if (draws.chance(1, 6)) return draws.pick({Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN()});
  return draws.pick({0.0f, -0.0f, 1.0f, -1.0f, Limits::max(), -Limits::max(), Limits::min(),
                     Limits::denorm_min(), -Limits::denorm_min(), 16777216.0f, 0x1p-75f, 0x1p63f});
}

void edit_one(Draws& draws, std::span<float> values) {
  float& value = values[static_cast<std::size_t>(draws.below(values.size()))];
  switch (draws.below(5)) {
    case 0:
      value = flipped(draws, value);
      break;
    case 1:
      value = stepped(draws, value);
      break;
    case 2:
      value = special(draws);
      break;
    case 3:
      value = draws.chance(1, 2) ? draw_any_finite(draws) : draw_ordinary(draws);
      break;
    default:
      value = draws.pick_from(values);
      break;
  }
}

void exchange(Draws& draws, std::span<float> values) {
  float& a = values[static_cast<std::size_t>(draws.below(values.size()))];
  float& b = values[static_cast<std::size_t>(draws.below(values.size()))];
  std::swap(a, b);
}

/// Consecutive part of the tensor that is changed together.
std::span<float> stretch(Draws& draws, std::span<float> values) {
  if (draws.chance(1, 4)) return values;
  const std::size_t begin = static_cast<std::size_t>(draws.below(values.size()));
  return values.subspan(begin, 1 + static_cast<std::size_t>(draws.below(values.size() - begin)));
}

/// Multiplies by a power of two from 2^-80 to 2^80: exact, except that subnormal results are rounded. Values
/// whose product would overflow stay as they are.
void rescale(Draws& draws, std::span<float> values) {
  const int exponent = static_cast<int>(draws.chance(1, 4) ? draws.between(-80, 80) : draws.between(-4, 4));
  for (float& value : values) {
    const float scaled = std::ldexp(value, exponent);
    if (std::isfinite(scaled)) value = scaled;
  }
}

void translate(Draws& draws, std::span<float> values) {
  const float offset = draws.chance(1, 2) ? values[static_cast<std::size_t>(draws.below(values.size()))]
                                          : std::ldexp(1.0f, static_cast<int>(draws.between(-20, 24)));
  for (float& value : values) {
    if (const float moved = value - offset; std::isfinite(moved)) value = moved;
  }
}

void round_off(Draws& draws, std::span<float> values) {
  const std::uint32_t mask = ~((std::uint32_t{1} << draws.between(8, 22)) - 1);
  for (float& value : values) {
    if (std::isfinite(value)) value = std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & mask);
  }
}

void redraw(Draws& draws, std::span<float> values) {
  const Regime regime = draws.chance(1, 16) ? Regime::special : draws.pick_from(finite_regimes());
  std::ranges::transform(draw_values(draws, regime, values.size()), values.begin(),
                         [](double v) { return static_cast<float>(v); });
}

}  // namespace

void edit_values(Draws& draws, Case& c) {
  Tensor* tensor = pick_tensor(draws, c);
  if (tensor == nullptr) return;
  const std::span<float> values = tensor->floats();
  switch (draws.below(10)) {
    case 0:
      exchange(draws, values);
      break;
    case 1:
      rescale(draws, stretch(draws, values));
      break;
    case 2:
      translate(draws, stretch(draws, values));
      break;
    case 3:
      round_off(draws, stretch(draws, values));
      break;
    case 4:
      redraw(draws, stretch(draws, values));
      break;
    case 5: {
      const std::span<float> part = stretch(draws, values);
      std::ranges::fill(part, part[0]);
      break;
    }
    default:
      for (std::int64_t k = draws.between(1, 4); k > 0; --k) edit_one(draws, values);
      break;
  }
}

}  // namespace bncheck::fuzz
