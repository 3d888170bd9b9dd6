#include "generate/gradients.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bncheck/elements.hpp"

namespace bncheck {

const std::vector<GradientKind>& gradient_kinds() {
  static const std::vector<GradientKind> kinds{GradientKind::independent,     GradientKind::like_output,
                                               GradientKind::nearly_constant, GradientKind::constant,
                                               GradientKind::one_hot,         GradientKind::huge_and_tiny,
                                               GradientKind::indicator};
  return kinds;
}

namespace {

using Numbers = std::vector<double>;

/// (x − μ)/σ in double, rounded to float: close enough to x̂ for the gradient to cancel. 0 where the quotient
/// is not finite.
Numbers normalised(const Numbers& x) {
  double mean = 0;
  double squares = 0;
  const auto n = static_cast<double>(x.size());
  for (const double v : x) mean += v / n;
  for (const double v : x) squares += (v - mean) * (v - mean) / n;
  Numbers result;
  for (const double v : x) {
    const double z = (v - mean) / std::sqrt(squares);
    result.push_back(std::isfinite(z) ? rounded_to(Dtype::f32, z) : 0);
  }
  return result;
}

/// Exponent between −30 and 30, scaled down for a format with fewer exponents.
int scaled_exponent(int exponent, Dtype dtype) {
  const int largest = 1 - format_of(dtype).min_exponent;
  return exponent * std::min(30, largest - 1) / 30;
}

/// dy of a kind, before it is rounded to the dtype. `kind` is neither constant nor independent.
Numbers draw_for(Draws& draws, GradientKind kind, const Numbers& x, Dtype dtype) {
  const std::size_t n = x.size();
  const auto ordinary = [&] { return static_cast<double>(draw_ordinary(draws)); };
  switch (kind) {
    case GradientKind::like_output: {
      Numbers dy = normalised(x);
      const auto scale = static_cast<double>(draws.pick({1.0f, -1.0f, 0.1f, 3.0f, 1e-10f, 1e10f}));
      for (double& v : dy) v *= scale;
      return dy;
    }
    case GradientKind::nearly_constant: {
      const double level =
          draws.chance(1, 2) ? ordinary() : static_cast<double>(draws.pick({1.0f, -3.0f, 1e8f, 1e-8f}));
      const int bits = format_of(dtype).precision - 2;
      const double spread = std::ldexp(level, -static_cast<int>(draws.between(4, bits)));
      Numbers dy(n);
      for (double& v : dy) v = level + spread * ordinary();
      return dy;
    }
    case GradientKind::one_hot: {
      Numbers dy(n, draws.chance(1, 4) ? -0.0 : 0.0);
      dy[static_cast<std::size_t>(draws.below(n))] = draws.chance(1, 2) ? 1.0 : ordinary();
      return dy;
    }
    case GradientKind::huge_and_tiny: {
      Numbers dy(n);
      for (double& v : dy) {
        const int exponent = draws.pick({30, 20, -30, -20, 0});
        v = std::ldexp(ordinary(), scaled_exponent(exponent, dtype));
      }
      return dy;
    }
    case GradientKind::independent:
    case GradientKind::constant:
    case GradientKind::indicator:
      break;
  }
  const Numbers z = normalised(x);
  Numbers dy(n);
  std::ranges::transform(z, dy.begin(), [](double v) { return v > 0 ? 1.0 : 0.0; });
  return dy;
}

Numbers draw_channel(Draws& draws, GradientKind kind, const Numbers& x, Dtype dtype, const CaseWish& wish) {
  if (kind == GradientKind::constant) return draw_values(draws, Regime::constant, x.size(), dtype);
  if (kind == GradientKind::independent) {
    const bool special = wish.special_values && draws.chance(1, 2);
    const Regime regime = special              ? Regime::special
                          : draws.chance(1, 2) ? Regime::ordinary
                                               : draws.pick_from(finite_regimes());
    return draw_values(draws, regime, x.size(), dtype);
  }
  Numbers dy = draw_for(draws, kind, x, dtype);
  const Fitting fitted(draws, dtype);
  for (double& v : dy) v = fitted(v);
  return dy;
}

/// Shape with two or three values per statistic. Two are the fewest that training accepts, and with few
/// values the gradient cancels most.
Shape few_values(Draws& draws, const Shape& shape, Axes axes) {
  if (axes == Axes::per_activation) {
    Shape result = shape;
    result[0] = draws.between(2, 3);
    return result;
  }
  Shape result(shape.size(), 1);
  result[1] = shape[1];
  const std::size_t position = static_cast<std::size_t>(draws.below(shape.size() - 1));
  result[position == 0 ? 0 : position + 1] = draws.between(2, 3);
  return result;
}

}  // namespace

Tensor draw_gradient(Draws& draws, const Tensor& x, const CaseWish& wish, std::optional<GradientKind> kind) {
  Tensor dy = Tensor::zeros(x.dtype, x.shape);
  const std::int64_t channels = x.shape[1];
  const std::int64_t count = values_per_channel(x.shape);
  if (count == 0 || channels == 0) return dy;
  const std::int64_t spatial = count / x.shape[0];
  const auto draw_kind = [&] { return kind ? *kind : draws.pick_from(gradient_kinds()); };
  GradientKind current = draw_kind();
  const bool one_kind = draws.chance(1, 2);
  for (std::int64_t c = 0; c < channels; ++c) {
    if (!one_kind && c > 0) current = draw_kind();
    const auto at = [&](std::int64_t i) { return (i / spatial * channels + c) * spatial + i % spatial; };
    Numbers channel(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) channel[static_cast<std::size_t>(i)] = element(x, at(i));
    const Numbers gradient = draw_channel(draws, current, channel, x.dtype, wish);
    for (std::int64_t i = 0; i < count; ++i) set_element(dy, at(i), gradient[static_cast<std::size_t>(i)]);
  }
  return dy;
}

Call draw_backward_call(Draws& draws, const Capabilities& can, const Forward& forward, const CaseWish& wish,
                        std::optional<GradientKind> kind) {
  Backward backward{draw_gradient(draws, forward.x, wish, kind), true, true, true, {}};
  if (can.remembers_forward && draws.chance(1, 4)) backward.training = forward.training;
  if (draws.chance(1, 8)) {
    backward.want_dx = draws.chance(1, 2);
    backward.want_dweight = draws.chance(1, 2);
    backward.want_dbias = !backward.want_dx && !backward.want_dweight;
  }
  Call call{std::move(backward), {}};
  if (wish.any_exec) call.exec = draw_exec(draws, can, forward.x.shape.size());
  return call;
}

Case draw_gradient_case(Draws& draws, const Capabilities& can, const CaseWish& wish,
                        std::optional<GradientKind> kind) {
  CaseWish one = wish;
  one.calls = 1;
  Case c = draw_case(draws, can, one);
  auto& forward = std::get<Forward>(c.calls[0].operation);
  if (draws.chance(1, 4) && wish.shape.min_values <= 2) {
    one.dtypes = dtypes_in(c);
    forward.x = draw_input(draws, few_values(draws, forward.x.shape, can.dialect.axes), one);
  }
  Call call = draw_backward_call(draws, can, forward, wish, kind);
  c.calls.push_back(std::move(call));
  return c;
}

}  // namespace bncheck
