// Common parts of bn's tests: building tensors, comparing bits, a slow reference.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "bn/batch_norm.hpp"

namespace bn::test {

using Shape = std::vector<std::int64_t>;

inline constexpr float inf = std::numeric_limits<float>::infinity();
inline constexpr float nan = std::numeric_limits<float>::quiet_NaN();

inline std::int64_t numel(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

inline std::string shape_name(const Shape& shape) {
  std::string name;
  for (const std::int64_t size : shape) {
    if (!name.empty()) name += 'x';
    name += std::to_string(size);
  }
  return name;
}

inline std::vector<float> normal_values(std::int64_t count, float mean, float deviation, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> draw(mean, deviation);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = draw(engine);
  return values;
}

/// Bit patterns: comparing them distinguishes −0 from +0, and finds NaN equal.
inline std::vector<std::uint32_t> bits(std::span<const float> values) {
  std::vector<std::uint32_t> result;
  for (const float value : values) result.push_back(std::bit_cast<std::uint32_t>(value));
  return result;
}

inline constexpr std::uint32_t nan_bits = 0x7fc00000U;

inline float ulp(long double value) {
  const int exponent = value == 0 ? -126 : std::max(std::ilogb(value), -126);
  return std::ldexp(1.0F, exponent - 23);
}

/// All outputs of a training call.
struct Trained {
  std::vector<float> y, mean, var, invstd;

  [[nodiscard]] std::vector<std::uint32_t> all_bits() const {
    std::vector<std::uint32_t> all = bits(y);
    for (const auto* part : {&mean, &var, &invstd}) {
      for (const std::uint32_t pattern : bits(*part)) all.push_back(pattern);
    }
    return all;
  }
};

/// Dimensions that fit a rank; rank 2 and 3 are 1d.
inline Dimensions dimensions_of(const Shape& shape) {
  return shape.size() <= 3 ? Dimensions::d1 : static_cast<Dimensions>(shape.size() - 2);
}

inline Options options_for(const Shape& shape) {
  return {.dimensions = dimensions_of(shape), .num_features = shape[1]};
}

/// A training call on contiguous x.
inline Trained train(const Options& options, const Affine& affine, const std::vector<float>& x,
                     const Shape& shape, RunningStatistics* running = nullptr,
                     const Execution& execution = {}) {
  const auto channels = static_cast<std::size_t>(options.num_features);
  Trained result{std::vector<float>(x.size()), std::vector<float>(channels), std::vector<float>(channels),
                 std::vector<float>(channels)};
  forward_training(options, affine, TensorView<const float>::contiguous(x.data(), shape),
                   TensorView<float>::contiguous(result.y.data(), shape), running,
                   {result.mean, result.var, result.invstd}, execution);
  return result;
}

inline std::vector<float> infer(const Options& options, const Affine& affine, const std::vector<float>& x,
                                const Shape& shape, const std::vector<float>& mean,
                                const std::vector<float>& var, const Execution& execution = {}) {
  std::vector<float> y(x.size());
  forward_inference(options, affine, TensorView<const float>::contiguous(x.data(), shape),
                    TensorView<float>::contiguous(y.data(), shape), mean, var, execution);
  return y;
}

/// Mean and population variance in long double, two passes around the first value.
struct Reference {
  long double mean = 0, var = 0;

  explicit Reference(const std::vector<float>& values) {
    const auto n = static_cast<long double>(values.size());
    const auto shift = static_cast<long double>(values.at(0));
    for (const float value : values) mean += static_cast<long double>(value) - shift;
    const long double offset = mean / n;
    for (const float value : values) {
      const long double d = (static_cast<long double>(value) - shift) - offset;
      var += d * d;
    }
    mean = shift + offset;
    var /= n;
  }
};

/// Tensor in its own memory: `order` lists the dimensions from the outermost to the innermost one in memory,
/// `step` is the innermost stride, `reversed` dimensions have negative strides.
class Placed {
 public:
  Placed(const std::vector<float>& values, const Shape& shape, const std::vector<std::size_t>& order,
         std::int64_t step = 1, std::int64_t offset = 0, const std::vector<std::size_t>& reversed = {})
      : shape_(shape), strides_(shape.size()) {
    std::int64_t stride = step;
    for (std::size_t i = order.size(); i-- > 0;) {
      strides_[order[i]] = stride;
      stride *= shape[order[i]];
    }
    memory_.assign(static_cast<std::size_t>(stride + 2 * offset), -77.0F);
    start_ = offset;
    for (const std::size_t k : reversed) {
      start_ += strides_[k] * (shape[k] - 1);
      strides_[k] = -strides_[k];
    }
    for (std::size_t i = 0; i < values.size(); ++i) at(i) = values[i];
  }

  [[nodiscard]] TensorView<float> view() {
    return TensorView<float>::strided(&memory_[index(0)], shape_, strides_);
  }
  [[nodiscard]] std::vector<float> values() {
    std::vector<float> result(static_cast<std::size_t>(numel(shape_)));
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = at(i);
    return result;
  }
  /// Number of elements of the memory that still have the value that marks them as untouched.
  [[nodiscard]] std::int64_t untouched() const { return std::ranges::count(memory_, -77.0F); }
  [[nodiscard]] std::int64_t gaps() const { return std::ssize(memory_) - numel(shape_); }

 private:
  [[nodiscard]] std::size_t index(std::size_t element) const {
    std::int64_t place = start_;
    auto rest = static_cast<std::int64_t>(element);
    for (std::size_t k = shape_.size(); k-- > 0;) {
      place += rest % shape_[k] * strides_[k];
      rest /= shape_[k];
    }
    return static_cast<std::size_t>(place);
  }
  float& at(std::size_t element) { return memory_[index(element)]; }

  Shape shape_;
  Shape strides_;
  std::int64_t start_ = 0;
  std::vector<float> memory_;
};

}  // namespace bn::test
