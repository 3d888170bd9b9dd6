#pragma once
/// Common parts of the oracle's tests: bits of floats, a random source whose stream depends only on its seed,
/// and short ways to build a Case.

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "bncheck/case.hpp"
#include "bncheck/elements.hpp"
#include "bncheck/expected.hpp"

namespace bncheck::test {

inline std::uint32_t bits_of(float value) {
  return std::bit_cast<std::uint32_t>(value);
}
inline float float_of(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t next() { return engine_(); }
  /// Integer in [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool coin() { return (next() >> 63) != 0; }
  /// Number in [0, 1).
  double uniform() { return std::ldexp(static_cast<double>(next() >> 11), -53); }
  /// Sum of twelve uniform numbers: close to a normal distribution, and the same on every platform.
  double normal() {
    double sum = -6;
    for (int k = 0; k < 12; ++k) sum += uniform();
    return sum;
  }
  /// Random finite float; all exponents are equally likely.
  float any_finite() {
    while (true) {
      const float value = float_of(static_cast<std::uint32_t>(next() >> 32));
      if (std::isfinite(value)) return value;
    }
  }
  /// Integer of up to 64·`limbs` bits, of either sign, zero included.
  Integer integer(int limbs) {
    Integer value = 0;
    for (int k = 0; k < limbs; ++k) value = (value << 64) + Integer(next());
    value = value >> static_cast<unsigned>(between(0, 63));
    return coin() ? -value : value;
  }
  template <class T>
  const T& pick(const std::vector<T>& values) {
    return values[next() % values.size()];
  }

 private:
  std::mt19937_64 engine_;
};

inline Tensor vector_of(const std::vector<float>& values) {
  return Tensor::of({static_cast<std::int64_t>(values.size())}, values);
}

/// The same values in another dtype: rounded, and for float64 with random bits below those of a float. A
/// value that overflows becomes the largest finite number.
template <class Uniform>
Tensor in_dtype(const Tensor& tensor, Dtype dtype, const Uniform& uniform) {
  Tensor result = converted(tensor, dtype);
  change_elements(result, [&](double v) {
    if (dtype == Dtype::f64) v += v * std::ldexp(uniform(), -24);
    return std::isinf(v) ? std::copysign(largest_finite(dtype), v) : v;
  });
  return result;
}

inline Call forward(bool training, Tensor x) {
  return {Forward{training, std::move(x)}, {}};
}

/// Layer of one channel in inference: y = γ·(x − μ)/√(σ² + ε) + β.
struct OneChannel {
  float gamma = 1, beta = 0, mean = 0, variance = 1;
  double eps = 0;

  Config config() const {
    Config config;
    config.eps = eps;
    return config;
  }
  State state() const {
    return {vector_of({gamma}), vector_of({beta}), vector_of({mean}), vector_of({variance}), std::nullopt, 0};
  }
  ExpectedTensor y(const std::vector<float>& x) const {
    const Tensor tensor = Tensor::of({static_cast<std::int64_t>(x.size()), 1}, x);
    return expect(config(), state(), forward(false, tensor), Dialect{}).outputs.at(Output::y);
  }
};

}  // namespace bncheck::test
