/// Law about the gradient of a scaled batch, up to the end of the range of float.

#include <algorithm>
#include <cmath>

#include "generate/gradients.hpp"
#include "laws/catalogue.hpp"
#include "laws/relations.hpp"

namespace bncheck {
namespace {

/// Whether all elements times 2^k are floats.
bool scales(const Tensor& tensor, int k) {
  return std::ranges::all_of(tensor.floats(),
                             [=](float v) { return is_float(std::ldexp(static_cast<double>(v), k)); });
}

void scale(Tensor& tensor, int k) {
  for (float& v : tensor.floats()) v = std::ldexp(v, k);
}

/// Exponent of the power of two that moves the largest |value| to 2^126 or above, where the sum of a few such
/// values overflows.
int reach_of(const Tensor& tensor) {
  float largest = 0;
  for (const float v : tensor.floats()) largest = std::max(largest, std::fabs(v));
  return largest > 0 ? 126 - std::ilogb(largest) : 0;
}

/// In training, 2^k·x with 4^k·ε and 2^j·dy has 2^(j−k)·dx, 2^j·dγ and 2^j·dβ. Multiplication by powers of
/// two is exact, so the bounds are those of the results. They also hold where products of dy and x, their
/// sums and the powers of invstd leave the range of float, as in the law backward_extreme_range.
Verdict check_scaling(const Case& c, Runner& runner) {
  const auto [forward, backward] = one_valid_gradient(c, runner.can());
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  if (!uses_batch(c.config, forward)) return Verdict::not_applicable("given statistics");
  const int j = reach_of(backward.dy);
  for (const int k : {60, 40, 20, 4}) {
    Case scaled = c;
    scaled.config.eps = scaled_eps(c.config.eps, k, runner.can().dialect);
    const bool fits = scaled.config.eps <= 0x1p127 && scales(forward.x, k) && scales(backward.dy, j);
    if (!fits) continue;
    scale(std::get<Forward>(scaled.calls[0].operation).x, k);
    scale(std::get<Backward>(scaled.calls[gradient_call].operation).dy, j);
    const Run here = runner.run(c);
    const Run there = runner.run(scaled);
    Verdict verdict;
    judge_changes(
        here, there,
        [&](Output output, std::int64_t) -> Change {
          return {std::ldexp(1.0L, output == Output::dx ? j - k : j), 0};
        },
        runner.can(), verdict, true);
    return verdict;
  }
  return Verdict::not_applicable("no power of two scales the case without rounding");
}
Case draw_scalable(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = true;
  wish.regime = draws.pick({Regime::ordinary, Regime::integers, Regime::sparse, Regime::large_mean});
  Case c = draw_gradient_case(draws, can, wish,
                              draws.pick({GradientKind::like_output, GradientKind::nearly_constant,
                                          GradientKind::one_hot, GradientKind::indicator}));
  c.config.eps = std::clamp(c.config.eps, 0x1p-120, 64.0);
  return c;
}
}  // namespace

std::vector<Law> gradient_scaling_laws() {
  return {
      {"backward_scaling",
       "In training 2^k x, 4^k eps and 2^j dy give 2^(j-k) dx, 2^j dgamma and 2^j dbeta.",
       {Need::backward, Need::own_gradient, Need::no_eps_floor},
       draw_scalable,
       check_scaling,
       {.rationale = "It detects overflow in the gradient by comparing two answers of the subject, without "
                     "the exact one."}}};
}

}  // namespace bncheck
