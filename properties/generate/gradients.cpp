#include "generate/gradients.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bncheck {

const std::vector<GradientKind>& gradient_kinds() {
  static const std::vector<GradientKind> kinds{GradientKind::independent,     GradientKind::like_output,
                                               GradientKind::nearly_constant, GradientKind::constant,
                                               GradientKind::one_hot,         GradientKind::huge_and_tiny,
                                               GradientKind::indicator};
  return kinds;
}

namespace {

using Floats = std::vector<float>;

/// Roughly (x - mean)/sigma: near enough for the gradient to cancel, and finite.
Floats normalised(const Floats& x) {
  double mean = 0;
  double squares = 0;
  const auto n = static_cast<double>(x.size());
  for (const float v : x) mean += static_cast<double>(v) / n;
  for (const float v : x) squares += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean) / n;
  Floats result;
  for (const float v : x) {
    const double z = (static_cast<double>(v) - mean) / std::sqrt(squares);
    result.push_back(std::isfinite(z) ? static_cast<float>(z) : 0.0f);
  }
  return result;
}

Floats draw_channel(Draws& draws, GradientKind kind, const Floats& x, const CaseWish& wish) {
  const std::size_t n = x.size();
  switch (kind) {
    case GradientKind::independent: {
      const bool special = wish.special_values && draws.chance(1, 2);
      return draw_values(draws,
                         special              ? Regime::special
                         : draws.chance(1, 2) ? Regime::ordinary
                                              : draws.pick_from(finite_regimes()),
                         n);
    }
    case GradientKind::like_output: {
      Floats dy = normalised(x);
      const float scale = draws.pick({1.0f, -1.0f, 0.1f, 3.0f, 1e-10f, 1e10f});
      for (float& v : dy) v *= scale;
      return dy;
    }
    case GradientKind::nearly_constant: {
      const float level = draws.chance(1, 2) ? draw_ordinary(draws) : draws.pick({1.0f, -3.0f, 1e8f, 1e-8f});
      const float spread = std::ldexp(level, -static_cast<int>(draws.between(4, 22)));
      Floats dy(n);
      for (float& v : dy) v = level + spread * draw_ordinary(draws);
      return dy;
    }
    case GradientKind::constant:
      return draw_values(draws, Regime::constant, n);
    case GradientKind::one_hot: {
      Floats dy(n, draws.chance(1, 4) ? -0.0f : 0.0f);
      dy[static_cast<std::size_t>(draws.below(n))] = draws.chance(1, 2) ? 1.0f : draw_ordinary(draws);
      return dy;
    }
    case GradientKind::huge_and_tiny: {
      Floats dy(n);
      for (float& v : dy) {
        const int exponent = draws.pick({30, 20, -30, -20, 0});
        v = std::ldexp(draw_ordinary(draws), exponent);
      }
      return dy;
    }
    case GradientKind::indicator:
      break;
  }
  const Floats z = normalised(x);
  Floats dy(n);
  std::ranges::transform(z, dy.begin(), [](float v) { return v > 0 ? 1.0f : 0.0f; });
  return dy;
}

/// Two or three values per channel: the least that training takes, where the gradient cancels most.
Shape few_values(Draws& draws, const Shape& shape) {
  Shape result(shape.size(), 1);
  result[1] = shape[1];
  const std::size_t position = static_cast<std::size_t>(draws.below(shape.size() - 1));
  result[position == 0 ? 0 : position + 1] = draws.between(2, 3);
  return result;
}

}  // namespace

Tensor draw_gradient(Draws& draws, const Tensor& x, const CaseWish& wish, std::optional<GradientKind> kind) {
  Tensor dy = Tensor::filled(x.shape, 0);
  const std::int64_t channels = x.shape[1];
  const std::int64_t count = values_per_channel(x.shape);
  if (count == 0 || channels == 0) return dy;
  const std::int64_t spatial = count / x.shape[0];
  const auto draw_kind = [&] { return kind ? *kind : draws.pick_from(gradient_kinds()); };
  GradientKind current = draw_kind();
  const bool one_kind = draws.chance(1, 2);
  for (std::int64_t c = 0; c < channels; ++c) {
    if (!one_kind && c > 0) current = draw_kind();
    const auto at = [&](std::int64_t i) {
      return static_cast<std::size_t>((i / spatial * channels + c) * spatial + i % spatial);
    };
    Floats channel(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) channel[static_cast<std::size_t>(i)] = x.floats()[at(i)];
    const Floats gradient = draw_channel(draws, current, channel, wish);
    for (std::int64_t i = 0; i < count; ++i) dy.floats()[at(i)] = gradient[static_cast<std::size_t>(i)];
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
    forward.x = draw_input(draws, few_values(draws, forward.x.shape), wish);
  }
  Call call = draw_backward_call(draws, can, forward, wish, kind);
  c.calls.push_back(std::move(call));
  return c;
}

}  // namespace bncheck
