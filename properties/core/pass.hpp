#pragma once
/// The four computations of BatchNorm that differ in how accurate they can be.

#include <array>
#include <optional>
#include <string_view>

#include "bncheck/case.hpp"

namespace bncheck {

enum class Pass { training, inference, backward_training, backward_inference };
inline constexpr std::array all_passes{Pass::training, Pass::inference, Pass::backward_training,
                                       Pass::backward_inference};
/// "training", "inference", "backward training", "backward inference"
std::string_view name_of(Pass pass);

/// A forward call that normalises with the batch's statistics, which one without running statistics always
/// does, is training, and so is its gradient.
Pass pass_of(const Config& config, const Forward& forward, bool backward);

/// Of a call of a case: the gradient is that of the last Forward before it. nullopt for a call that computes
/// nothing, and for a gradient of nothing.
std::optional<Pass> pass_of(const Case& c, std::size_t call);

}  // namespace bncheck
