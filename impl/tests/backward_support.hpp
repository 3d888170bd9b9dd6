// Common parts of the tests of the backward pass: calls on contiguous tensors, channels, a slow reference.
#pragma once

#include "support.hpp"

namespace bn::test {

/// All outputs of a backward call.
struct Graded {
  std::vector<float> dx, dweight, dbias;

  Graded(std::size_t elements, std::size_t channels)
      : dx(elements, -77.0F), dweight(channels, -77.0F), dbias(channels, -77.0F) {}

  [[nodiscard]] std::vector<std::uint32_t> all_bits() const {
    std::vector<std::uint32_t> all = bits(dx);
    for (const auto* part : {&dweight, &dbias}) {
      for (const std::uint32_t pattern : bits(*part)) all.push_back(pattern);
    }
    return all;
  }
};

/// Running statistics of an inference call.
struct Running {
  std::vector<float> mean, var;
};

/// A backward call on contiguous tensors: inference with `running`, training without.
inline Graded backward(const Options& options, const Affine& affine, const std::vector<float>& x,
                       const std::vector<float>& dy, const Shape& shape,
                       const std::optional<Running>& running = std::nullopt,
                       const Execution& execution = {}) {
  Graded result(x.size(), static_cast<std::size_t>(options.num_features));
  const auto x_view = TensorView<const float>::contiguous(x.data(), shape);
  const auto dy_view = TensorView<const float>::contiguous(dy.data(), shape);
  const Gradients gradients{TensorView<float>::contiguous(result.dx.data(), shape), result.dweight,
                            result.dbias};
  if (running) {
    backward_inference(options, affine, x_view, dy_view, gradients, running->mean, running->var, execution);
  } else {
    backward_training(options, affine, x_view, dy_view, gradients, execution);
  }
  return result;
}

/// Values of channel c of a contiguous tensor, in logical order.
inline std::vector<float> channel_of(const std::vector<float>& values, const Shape& shape, std::int64_t c) {
  const std::int64_t inner = numel(shape) / shape[0] / shape[1];
  std::vector<float> result;
  for (std::int64_t b = 0; b < shape[0]; ++b) {
    const auto begin = values.begin() + (b * shape[1] + c) * inner;
    result.insert(result.end(), begin, begin + inner);
  }
  return result;
}

/// One channel of a call.
struct GradedChannel {
  std::vector<float> x, dy;
  float gamma = 1.0F;
  double eps = 1e-5;
};

/// A number, and the largest error of a result before the result is rounded to float.
struct Bounded {
  long double value, error;

  /// Whether the result is within the bound: half an ulp for the rounding, and a margin for second-order
  /// terms. Infinite results are accepted from the midpoint above the largest float on.
  [[nodiscard]] bool accepts(float got) const {
    const long double slack = 1.01L * error;
    if (std::isinf(got))
      return std::copysign(value, got) == value && std::fabs(value) + slack >= 0x1.ffffffp127L;
    return std::fabs(static_cast<long double>(got) - value) <=
           static_cast<long double>(ulp(value)) / 2 + slack;
  }
};

/// Training gradients of a channel by the textbook formulas, in long double.
///
/// With R = max dy − min dy, S = max x − min x and w = 2^-49 + n·2^-62: the means of channel_sums.hpp are off
/// by less than 2^-50·σ, and those computed here in long double around the first value by less than n·2^-64·R
/// (S). With two roundings each, the dy − m of bn and of the reference are less than w·R apart, their x − μ
/// less than w·S. Then
///   - T = Σ(dy−m)(x−μ): 26·2^-53 < 4w relative to Σ|terms| (gradient_sums.cpp), n·2^-64 of the same here,
///     and w for either factor here: δT ≤ 7·n·w·R·S.
///   - nσ²: 2^-47 of itself and 3·n·w·S² here, so V has the relative error e = 2^-47 + 3w·S²/V.
///   - k = T/(nV): δk = δT/(nV) + |k|·(e + 2^-50); the rest r = (dy−m) − (x−μ)·k: δr = w·R + |k|·w·S + S·δk +
///     2^-51·(|r| + |(x−μ)k|); dx = γ·invstd·r: |γ|·invstd·δr + |dx|·(e/2 + 2^-50).
struct TrainingReference {
  std::vector<Bounded> dx;
  Bounded dweight{}, dbias{};

  explicit TrainingReference(const GradedChannel& channel) {
    const Reference x(channel.x);
    const Reference dy(channel.dy);
    const auto n = static_cast<long double>(channel.x.size());
    const auto range = [](const std::vector<float>& values) {
      const auto [least, most] = std::ranges::minmax(values);
      return static_cast<long double>(most) - static_cast<long double>(least);
    };
    const long double r = range(channel.dy);
    const long double s = range(channel.x);
    const long double w = 0x1p-49L + n * 0x1p-62L;
    const long double v = x.var + channel.eps;
    const long double invstd = 1 / std::sqrt(v);
    const long double e = 0x1p-47L + 3 * w * s * s / v;
    long double products = 0;
    long double sum = 0;
    long double absolute = 0;
    for (std::size_t i = 0; i < channel.x.size(); ++i) {
      products += (static_cast<long double>(channel.dy[i]) - dy.mean) *
                  (static_cast<long double>(channel.x[i]) - x.mean);
      sum += static_cast<long double>(channel.dy[i]);
      absolute += std::fabs(static_cast<long double>(channel.dy[i]));
    }
    const long double products_error = 7 * n * w * r * s;
    const long double k = products / (n * v);
    const long double k_error = products_error / (n * v) + std::fabs(k) * (e + 0x1p-50L);
    const long double scale = static_cast<long double>(channel.gamma) * invstd;
    for (std::size_t i = 0; i < channel.x.size(); ++i) {
      const long double slope = (static_cast<long double>(channel.x[i]) - x.mean) * k;
      const long double rest = (static_cast<long double>(channel.dy[i]) - dy.mean) - slope;
      const long double rest_error =
          w * (r + std::fabs(k) * s) + s * k_error + 0x1p-51L * (std::fabs(rest) + std::fabs(slope));
      dx.push_back({scale * rest, std::fabs(scale) * (rest_error + std::fabs(rest) * (e / 2 + 0x1p-50L))});
    }
    dweight = {products * invstd, invstd * (products_error + std::fabs(products) * (e / 2 + 0x1p-50L))};
    // bn: n·(error of m). Here: n roundings of partial sums.
    dbias = {sum, n * w * r + n * 0x1p-64L * absolute};
  }
};

}  // namespace bn::test
