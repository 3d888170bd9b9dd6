#pragma once
/// A forward call and its gradient, with incoming gradients dy that are hard on the formula.

#include <string_view>

#include "generate/cases.hpp"

namespace bncheck {

enum class GradientKind {
  independent,      ///< a regime of its own
  like_output,      ///< dy close to the normalised x: dy - mean(dy) - x^ mean(dy x^) cancels to eps/V of dy
  nearly_constant,  ///< a (1 + 2^-k z): dy - mean(dy) cancels
  constant,         ///< dx is 0 in training
  one_hot,          ///< one value, zeros else
  huge_and_tiny,    ///< exponents far apart
  indicator,        ///< 1 where x is above its middle, 0 else
};
const std::vector<GradientKind>& gradient_kinds();

/// dy for this x. Kinds are drawn per channel, or one for all.
Tensor draw_gradient(Draws& draws, const Tensor& x, const CaseWish& wish,
                     std::optional<GradientKind> kind = {});

/// A case of two calls, a forward call as `wish` asks for and a backward call.
Case draw_gradient_case(Draws& draws, const Capabilities& can, const CaseWish& wish = {},
                        std::optional<GradientKind> kind = {});

/// Wants all three gradients, as a rule.
Call draw_backward_call(Draws& draws, const Capabilities& can, const Forward& forward, const CaseWish& wish,
                        std::optional<GradientKind> kind = {});

}  // namespace bncheck
