#include "search/mutate.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "bncheck/elements.hpp"
#include "search/smaller.hpp"
#include "search/smaller_steps.hpp"

namespace bncheck {
namespace {

/// Tensor whose values can be changed; empty tensors are excluded.
struct Field {
  Tensor* tensor;
  bool variance = false;

  std::int64_t size() const { return static_cast<std::int64_t>(tensor->size()); }
  double at(std::int64_t place) const { return element(*tensor, place); }
  double any(Draws& draws) const { return at(place_in(draws)); }
  std::int64_t place_in(Draws& draws) const {
    return static_cast<std::int64_t>(draws.below(static_cast<std::uint64_t>(size())));
  }
};

std::vector<Field> inputs_of(Case& c) {
  std::vector<Field> fields;
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    Tensor* input = input_of(c.calls[k]);
    if (input != nullptr && input->size() > 0) fields.push_back({input});
  }
  return fields;
}

std::vector<Field> state_fields_of(Case& c) {
  std::vector<Field> fields;
  for (State* state : states_of(c)) {
    for (Tensor* vector : vectors_of(*state)) {
      const bool variance = state->running_var && vector == &*state->running_var;
      if (vector->size() > 0) fields.push_back({vector, variance});
    }
  }
  return fields;
}

/// Puts the new value, as a number of the dtype, in the place of the old one.
void put(const Field& field, std::int64_t place, double value) {
  const double old = field.at(place);
  const double fitting = rounded_to(field.tensor->dtype, value);
  if (!std::isfinite(old) || !std::isfinite(fitting)) return;
  set_element(*field.tensor, place, field.variance ? std::copysign(fitting, old) : fitting);
}

double with_bits_flipped(double value, std::uint64_t mask, Dtype dtype) {
  const FloatFormat format = format_of(dtype);
  return value_of_bits(nearest_bits_of(value, format) ^ mask, format);
}

double neighbour(double value, Dtype dtype, Draws& draws) {
  return next_to(dtype, value, draws.chance(1, 2));
}

/// Changed value, independent of other values. Drawing a significand also changes 0 and subnormals to other
/// sizes.
double changed(double value, const Field& field, Draws& draws) {
  const Dtype dtype = field.tensor->dtype;
  const int fraction_bits = format_of(dtype).precision - 1;
  switch (draws.below(8)) {
    case 0:
    case 1:
      return neighbour(value, dtype, draws);
    case 2:
    case 3: {
      const std::uint64_t bit = draws.below(static_cast<std::uint64_t>(fraction_bits));
      return with_bits_flipped(value, std::uint64_t{1} << bit, dtype);
    }
    case 4:  // all bits of the significand
      return with_bits_flipped(value, draws.bits(fraction_bits), dtype);
    case 5:
      return std::ldexp(value, draws.chance(1, 2) ? 1 : -1);
    case 6:
      return field.any(draws);
    default:
      return -value;
  }
}

void change_some(const Field& field, Draws& draws) {
  do {
    const std::int64_t place = field.place_in(draws);
    put(field, place, changed(field.at(place), field, draws));
  } while (draws.chance(1, 3));
}

void swap_two(const Field& field, Draws& draws) {
  const std::int64_t a = field.place_in(draws);
  const std::int64_t b = field.place_in(draws);
  const std::uint64_t bits = element_bits(*field.tensor, a);
  set_element_bits(*field.tensor, a, element_bits(*field.tensor, b));
  set_element_bits(*field.tensor, b, bits);
}

template <class Change>
void change_all(const Field& field, const Change& change) {
  for (std::int64_t i = 0; i < field.size(); ++i) put(field, i, change(field.at(i)));
}

void change_values(const Field& field, Draws& draws) {
  switch (draws.below(16)) {
    case 0:
    case 1:
      return change_all(field, [&](double v) { return neighbour(v, field.tensor->dtype, draws); });
    case 2: {
      const int exponent = draws.chance(1, 2) ? 1 : -1;
      return change_all(field, [=](double v) { return std::ldexp(v, exponent); });
    }
    case 3: {
      // A multiple of one of the values as an offset: the mean changes relative to the spread.
      const double offset = std::ldexp(field.any(draws), static_cast<int>(draws.between(-8, 2)));
      return change_all(field, [=](double v) { return v + offset; });
    }
    case 4:
      return swap_two(field, draws);
    default:
      return change_some(field, draws);
  }
}

/// Another ε of the same order; one within [2^−40, 1], as usual layers have, stays there.
double changed_eps(double eps, Draws& draws) {
  const double proposed = draws.chance(1, 2) ? std::ldexp(eps, draws.chance(1, 2) ? 1 : -1)
                                             : eps * (1 + static_cast<double>(draws.bits(20)) * 0x1p-20);
  return proposed >= 0x1p-40 && proposed <= 1 ? proposed : eps;
}

/// Another momentum; one in (0, 1) stays there.
double changed_momentum(double momentum, Draws& draws) {
  if (!(momentum > 0 && momentum < 1)) return momentum;
  const double drawn = static_cast<double>(draws.between(1, (1 << 20) - 1)) * 0x1p-20;
  return draws.pick({drawn, momentum / 2, 1 - momentum, std::nextafter(momentum, 0.5)});
}

/// Largest number of elements that a tensor may grow to: a climb needs many evaluations.
constexpr std::size_t most_elements = 4096;

/// Number of elements above which making a case smaller is as likely as any other change.
constexpr std::int64_t large = 64;

void repeat_an_index(Case& c, Draws& draws) {
  const auto call = static_cast<std::size_t>(draws.below(c.calls.size()));
  const Tensor* input = input_of(c.calls[call]);
  if (input == nullptr || input->shape.empty() || 2 * input->size() > most_elements) return;
  const auto dimension = static_cast<std::size_t>(draws.below(input->shape.size()));
  // Channels are not added, because each is normalised by itself.
  if (dimension == 1 || input->shape[dimension] == 0) return;
  const std::int64_t index = draws.between(0, input->shape[dimension] - 1);
  for (const std::size_t k : shaped_like(c, call)) {
    Tensor& tensor = *input_of(c.calls[k]);
    if (tensor.is_whole()) tensor = with_index_repeated(tensor, dimension, index);
  }
}

bool has_negative_variance(Case& c) {
  return std::ranges::any_of(state_fields_of(c), [](const Field& field) {
    bool negative = false;
    for (std::int64_t i = 0; field.variance && i < field.size(); ++i) negative |= std::signbit(field.at(i));
    return negative;
  });
}

/// One of the steps to a smaller case. Each doubling of the index in the list is as likely as the next,
/// because the first few steps, of calls and shape, save most time. Steps take −1 for a simple number; none that makes
/// a variance negative is taken here.
Case smaller_step(const Case& c, Draws& draws) {
  const auto steps = smaller(c);
  if (steps.empty()) return c;
  const std::uint64_t doublings = draws.below(static_cast<std::uint64_t>(std::bit_width(steps.size())));
  const std::uint64_t place =
      (std::uint64_t{1} << doublings) - 1 + draws.below(std::uint64_t{1} << doublings);
  Case next = steps[static_cast<std::size_t>(std::min<std::uint64_t>(place, steps.size() - 1))]();
  Case before = c;
  return has_negative_variance(next) && !has_negative_variance(before) ? before : next;
}

}  // namespace

Case mutated(const Case& c, Draws& draws) {
  Case result = c;
  std::int64_t elements = 0;
  for (const Field& field : inputs_of(result)) elements += field.size();
  if (draws.chance(elements > large ? 4 : 1, 8)) return smaller_step(c, draws);
  if (!c.calls.empty() && draws.chance(1, 16)) {
    repeat_an_index(result, draws);
    return result;
  }
  if (draws.chance(1, 16)) {
    Config& config = result.config;
    if (draws.chance(1, 2)) {
      config.eps = changed_eps(config.eps, draws);
    } else if (config.momentum) {
      config.momentum = changed_momentum(*config.momentum, draws);
    }
    return result;
  }
  const std::vector<Field> inputs = inputs_of(result);
  const std::vector<Field> state = state_fields_of(result);
  const bool of_state = !state.empty() && (inputs.empty() || draws.chance(1, 3));
  if (of_state || !inputs.empty()) change_values(draws.pick_from(of_state ? state : inputs), draws);
  return result;
}

}  // namespace bncheck
