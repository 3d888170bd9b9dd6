#pragma once
/// Generators of forward calls with their backward calls. The incoming gradients dy cause cancellation,
/// overflow and underflow in the formula.

#include <string_view>

#include "generate/cases.hpp"

namespace bncheck {

enum class GradientKind {
  independent,      ///< values of any regime, independent of x
  like_output,      ///< dy close to x̂: dy − mean(dy) − x̂·mean(dy·x̂) cancels to ε/V of dy
  nearly_constant,  ///< a·(1 + 2^−k·z) with z about N(0, 1): dy − mean(dy) cancels
  constant,         ///< one value per channel: dx is 0 in training
  one_hot,          ///< one value among zeros
  huge_and_tiny,    ///< exponents from −30 to 30 side by side; fewer in a format with fewer exponents
  indicator,        ///< 1 where x is above its mean, 0 elsewhere
};
const std::vector<GradientKind>& gradient_kinds();

/// dy for this x. Without `kind`, a kind is drawn per channel or once for all channels.
Tensor draw_gradient(Draws& draws, const Tensor& x, const CaseWish& wish,
                     std::optional<GradientKind> kind = {});

/// Case of two calls: a forward call that meets `wish`, and its backward call.
Case draw_gradient_case(Draws& draws, const Capabilities& can, const CaseWish& wish = {},
                        std::optional<GradientKind> kind = {});

/// Backward call for `forward`. In seven of eight cases it requests all three gradients.
Call draw_backward_call(Draws& draws, const Capabilities& can, const Forward& forward, const CaseWish& wish,
                        std::optional<GradientKind> kind = {});

}  // namespace bncheck
