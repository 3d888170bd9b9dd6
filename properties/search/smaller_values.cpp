#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "search/smaller.hpp"
#include "search/smaller_steps.hpp"

namespace bncheck {

int complexity(float value) {
  if (value == 0) return std::signbit(value) ? 1 : 0;
  if (std::isnan(value)) return 9000;
  if (std::isinf(value)) return 8000 + (value < 0);
  int exponent = 0;
  auto significand = static_cast<std::uint32_t>(std::ldexp(std::frexp(std::fabs(value), &exponent), 24));
  const int bits = 24 - std::countr_zero(significand);
  // 2 for 1, 3 for -1, then by significant bits, and among equally many by distance of the exponent from that
  // of 1, at most 149 and so below half a bit's 320. 24 bits stay below infinity.
  return 2 + (value < 0) + 320 * (bits - 1) + 2 * std::abs(exponent - 1);
}

namespace {

/// Values beyond this many are simplified all at once only.
constexpr std::size_t single_values = 64;

/// Simpler floats than `value`, the simplest first.
std::vector<float> simpler(float value) {
  std::vector<float> candidates{0.0f, 1.0f, -1.0f, 2.0f};
  if (std::isfinite(value) && value != 0) {
    candidates.push_back(std::trunc(value));
    int exponent = 0;
    const float fraction = std::frexp(value, &exponent);
    candidates.push_back(std::ldexp(std::copysign(0.5f, value), exponent));
    // Fewer significant bits: half of them, all but two, all but one.
    auto significand = static_cast<std::uint32_t>(std::ldexp(std::fabs(fraction), 24));
    const int bits = 24 - std::countr_zero(significand);
    for (const int keep : {bits / 2, bits - 2, bits - 1}) {
      if (keep < 1) continue;
      significand &= ~((std::uint32_t{1} << (24 - keep)) - 1);
      candidates.push_back(std::copysign(std::ldexp(static_cast<float>(significand), exponent - 24), value));
      significand = static_cast<std::uint32_t>(std::ldexp(std::fabs(fraction), 24));
    }
    // The exponent half-way to that of 1, then by one.
    candidates.push_back(std::ldexp(value, (1 - exponent) / 2));
    candidates.push_back(std::ldexp(value, exponent > 1 ? -1 : 1));
    candidates.push_back(std::fabs(value));
  } else if (std::isinf(value)) {
    candidates.push_back(std::fabs(value));
  }
  std::vector<float> result;
  for (const float candidate : candidates) {
    if (complexity(candidate) < complexity(value) && std::ranges::find(result, candidate) == result.end()) {
      result.push_back(candidate);
    }
  }
  return result;
}

using Access = std::function<Tensor*(Case&)>;

/// All tensors of a case that hold values to simplify.
std::vector<Access> tensors_of(const Case& base) {
  std::vector<Access> all;
  Case copy = base;
  for (std::size_t k = 0; k < base.calls.size(); ++k) {
    if (input_at(copy, k) != nullptr) all.push_back([k](Case& c) { return input_at(c, k); });
  }
  const std::vector<State*> states = states_of(copy);
  for (std::size_t i = 0; i < states.size(); ++i) {
    for (std::size_t k = 0; k < 4; ++k) {
      if (!*per_channel(*states[i])[k]) continue;
      all.push_back([=](Case& c) { return &**per_channel(*states_of(c)[i])[k]; });
    }
  }
  return all;
}

using Values = std::vector<float>;

/// The value with its `keep` highest significant bits.
float with_bits(float value, int keep) {
  if (!std::isfinite(value) || value == 0) return value;
  int exponent = 0;
  const auto significand = static_cast<std::int32_t>(std::ldexp(std::frexp(value, &exponent), 24));
  const std::int32_t unit = 1 << (24 - keep);
  return std::ldexp(static_cast<float>(significand / unit * unit), exponent - 24);
}

/// The same order in consecutive integers, `first` for the smallest value.
Values ranks(const Values& values, float first) {
  const std::set<float> distinct(values.begin(), values.end());
  Values result;
  for (const float v : values) {
    result.push_back(first + static_cast<float>(std::distance(distinct.begin(), distinct.find(v))));
  }
  return result;
}

/// The power of two that brings the largest value to [1, 2).
int normal_exponent(const Values& values) {
  float largest = 0;
  for (const float v : values) largest = std::isfinite(v) ? std::max(largest, std::fabs(v)) : largest;
  return largest == 0 ? 0 : -std::ilogb(largest);
}

long total_complexity(const Values& values) {
  long sum = 0;
  for (const float v : values) sum += complexity(v);
  return sum;
}

/// The whole tensor at once, the simplest first.
std::vector<Values> simpler_together(const Values& values) {
  std::vector<Values> candidates{Values(values.size(), 0.0f), Values(values.size(), 1.0f)};
  if (values.size() > 1) candidates.emplace_back(values.size(), values[0]);
  const auto each = [&](const std::function<float(float)>& change) {
    Values changed = values;
    for (float& v : changed) v = change(v);
    candidates.push_back(std::move(changed));
  };
  const bool comparable = std::ranges::none_of(values, [](float v) { return std::isnan(v); });
  if (comparable && values.size() <= single_values) {
    // A spread that is small beside the mean needs all values to move at once.
    for (const float first : {0.0f, 0x1p4f, 0x1p8f, 0x1p12f, 0x1p16f, 0x1p20f}) {
      candidates.push_back(ranks(values, first));
    }
  }
  const int shift = normal_exponent(values);
  if (shift != 0) each([=](float v) { return std::ldexp(v, shift); });
  for (const int bits : {1, 2, 4, 8, 12}) each([=](float v) { return with_bits(v, bits); });
  each([](float v) { return std::trunc(v); });
  each([](float v) { return std::fabs(v); });
  const long now = total_complexity(values);
  std::erase_if(candidates, [=](const Values& candidate) { return total_complexity(candidate) >= now; });
  return candidates;
}

/// Every occurrence of one value at once: equal values stay equal.
void shrink_equal_values(SmallerSteps& steps, const Access& access, const Values& values) {
  std::set<std::uint32_t> distinct;
  for (const float value : values) distinct.insert(std::bit_cast<std::uint32_t>(value));
  if (distinct.size() == values.size() || distinct.size() > single_values) return;
  for (const std::uint32_t bits : distinct) {
    for (const float candidate : simpler(std::bit_cast<float>(bits))) {
      steps.add([=](Case& c) {
        for (float& v : access(c)->floats()) {
          if (std::bit_cast<std::uint32_t>(v) == bits) v = candidate;
        }
      });
    }
  }
}

}  // namespace

void shrink_values(SmallerSteps& steps) {
  Case copy = steps.base();
  for (const Access& access : tensors_of(steps.base())) {
    const Tensor& tensor = *access(copy);
    if (tensor.dtype != Dtype::f32 || tensor.size() == 0) continue;
    const Values values(tensor.floats().begin(), tensor.floats().end());
    for (Values& candidate : simpler_together(values)) {
      steps.add([access, candidate = std::move(candidate)](Case& c) {
        std::ranges::copy(candidate, access(c)->floats().begin());
      });
    }
    shrink_equal_values(steps, access, values);
    for (std::size_t i = 0; i < std::min(values.size(), single_values); ++i) {
      for (const float candidate : simpler(values[i])) {
        steps.add([=](Case& c) { access(c)->floats()[i] = candidate; });
      }
    }
  }
}

}  // namespace bncheck
