#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "bncheck/elements.hpp"
#include "search/smaller.hpp"
#include "search/smaller_steps.hpp"

namespace bncheck {

namespace {

/// Significand of a finite number that is not 0, as an integer of 53 bits, and its exponent.
std::uint64_t significand_of(double value, int& exponent) {
  return static_cast<std::uint64_t>(std::ldexp(std::frexp(std::fabs(value), &exponent), 53));
}

/// Distance of the exponent from that of 1, compressed to less than 160: the exponents of a float count one
/// each, those of a double beyond them count one per 45.
int distance_of_exponent(int exponent) {
  const int distance = std::abs(exponent - 1);
  return distance <= 149 ? distance : std::min(149 + (distance - 149) / 45, 159);
}

}  // namespace

int complexity(double value) {
  if (value == 0) return std::signbit(value) ? 1 : 0;
  if (std::isnan(value)) return 21000;
  if (std::isinf(value)) return 20000 + (value < 0);
  int exponent = 0;
  const int bits = 53 - std::countr_zero(significand_of(value, exponent));
  // 2 for 1, 3 for −1; then by the number of significant bits, and for equal numbers by the distance of the
  // exponent from that of 1, which stays below 320, the step of one bit. 53 bits stay below the complexity of
  // infinity.
  return 2 + (value < 0) + 320 * (bits - 1) + 2 * distance_of_exponent(exponent);
}

namespace {

/// Largest number of values that are simplified one by one; more are simplified only all at once.
constexpr std::int64_t single_values = 64;

using Values = std::vector<double>;

/// The value with only its `keep` highest significant bits.
double with_bits(double value, int keep) {
  if (!std::isfinite(value) || value == 0) return value;
  int exponent = 0;
  const std::uint64_t significand = significand_of(value, exponent);
  const std::uint64_t kept = significand & ~((std::uint64_t{1} << (53 - keep)) - 1);
  return std::copysign(std::ldexp(static_cast<double>(kept), exponent - 53), value);
}

/// Numbers of the dtype that are simpler than `value`, the simplest first.
std::vector<double> simpler(double value, Dtype dtype) {
  std::vector<double> candidates{0, 1, -1, 2};
  if (std::isfinite(value) && value != 0) {
    candidates.push_back(std::trunc(value));
    int exponent = 0;
    const std::uint64_t significand = significand_of(value, exponent);
    candidates.push_back(std::ldexp(std::copysign(0.5, value), exponent));
    // Fewer significant bits: half of them, all but two, all but one.
    const int bits = 53 - std::countr_zero(significand);
    for (const int keep : {bits / 2, bits - 2, bits - 1}) {
      if (keep >= 1) candidates.push_back(with_bits(value, keep));
    }
    // The exponent half-way to that of 1, then one step.
    candidates.push_back(std::ldexp(value, (1 - exponent) / 2));
    candidates.push_back(std::ldexp(value, exponent > 1 ? -1 : 1));
    candidates.push_back(std::fabs(value));
  } else if (std::isinf(value)) {
    candidates.push_back(std::fabs(value));
  }
  std::vector<double> result;
  for (const double raw : candidates) {
    const double candidate = rounded_to(dtype, raw);
    if (complexity(candidate) < complexity(value) && std::ranges::find(result, candidate) == result.end()) {
      result.push_back(candidate);
    }
  }
  return result;
}

using Access = std::function<Tensor*(Case&)>;

/// All tensors of a case with values to simplify.
std::vector<Access> tensors_of(const Case& base) {
  std::vector<Access> all;
  Case copy = base;
  for (std::size_t k = 0; k < base.calls.size(); ++k) {
    if (input_of(copy.calls[k]) != nullptr) all.push_back([k](Case& c) { return input_of(c.calls[k]); });
  }
  const std::vector<State*> states = states_of(copy);
  for (std::size_t i = 0; i < states.size(); ++i) {
    for (std::size_t k = 0; k < vectors_of(*states[i]).size(); ++k) {
      all.push_back([=](Case& c) { return vectors_of(*states_of(c)[i])[k]; });
    }
  }
  return all;
}

/// Consecutive integers in the order of the values, `first` for the smallest value.
Values ranks(const Values& values, double first) {
  const std::set<double> distinct(values.begin(), values.end());
  Values result;
  for (const double v : values) {
    result.push_back(first + static_cast<double>(std::distance(distinct.begin(), distinct.find(v))));
  }
  return result;
}

/// Exponent of the power of two that scales the largest value to [1, 2).
int normal_exponent(const Values& values) {
  double largest = 0;
  for (const double v : values) largest = std::isfinite(v) ? std::max(largest, std::fabs(v)) : largest;
  return largest == 0 ? 0 : -std::ilogb(largest);
}

long total_complexity(const Values& values) {
  long sum = 0;
  for (const double v : values) sum += complexity(v);
  return sum;
}

/// Simpler values for the whole tensor at once, the simplest first.
std::vector<Values> simpler_together(const Values& values, Dtype dtype) {
  std::vector<Values> candidates{Values(values.size(), 0.0), Values(values.size(), 1.0)};
  if (values.size() > 1) candidates.emplace_back(values.size(), values[0]);
  const auto each = [&](const std::function<double(double)>& change) {
    Values changed = values;
    for (double& v : changed) v = change(v);
    candidates.push_back(std::move(changed));
  };
  const bool comparable = std::ranges::none_of(values, [](double v) { return std::isnan(v); });
  if (comparable && std::ssize(values) <= single_values) {
    // A spread that is small beside the mean is kept only if all values move at once.
    for (const double first : {0.0, 0x1p4, 0x1p8, 0x1p12, 0x1p16, 0x1p20}) {
      candidates.push_back(ranks(values, first));
    }
  }
  const int shift = normal_exponent(values);
  if (shift != 0) each([=](double v) { return std::ldexp(v, shift); });
  for (const int bits : {1, 2, 4, 8, 12}) each([=](double v) { return with_bits(v, bits); });
  each([](double v) { return std::trunc(v); });
  each([](double v) { return std::fabs(v); });
  for (Values& candidate : candidates) {
    for (double& v : candidate) v = rounded_to(dtype, v);
  }
  const long now = total_complexity(values);
  std::erase_if(candidates, [=](const Values& candidate) { return total_complexity(candidate) >= now; });
  return candidates;
}

/// Steps that change every occurrence of one value at once, so that equal values stay equal.
void shrink_equal_values(SmallerSteps& steps, const Access& access, const Tensor& tensor) {
  std::set<std::uint64_t> distinct;
  const auto count = static_cast<std::int64_t>(tensor.size());
  for (std::int64_t i = 0; i < count; ++i) distinct.insert(element_bits(tensor, i));
  if (distinct.size() == tensor.size() || std::ssize(distinct) > single_values) return;
  for (const std::uint64_t bits : distinct) {
    const double value = value_of_bits(bits, format_of(tensor.dtype));
    for (const double candidate : simpler(value, tensor.dtype)) {
      steps.add([=](Case& c) {
        Tensor& changed = *access(c);
        for (std::int64_t i = 0; i < count; ++i) {
          if (element_bits(changed, i) == bits) set_element(changed, i, candidate);
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
    if (tensor.size() == 0) continue;
    const auto count = static_cast<std::int64_t>(tensor.size());
    Values values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(element(tensor, i));
    for (Values& candidate : simpler_together(values, tensor.dtype)) {
      steps.add([access, candidate = std::move(candidate)](Case& c) {
        std::int64_t i = 0;
        change_elements(*access(c), [&](double) { return candidate[static_cast<std::size_t>(i++)]; });
      });
    }
    shrink_equal_values(steps, access, tensor);
    for (std::int64_t i = 0; i < std::min(count, single_values); ++i) {
      for (const double candidate : simpler(values[static_cast<std::size_t>(i)], tensor.dtype)) {
        steps.add([=](Case& c) { set_element(*access(c), i, candidate); });
      }
    }
  }
}

}  // namespace bncheck
