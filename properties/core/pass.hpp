#pragma once
/// The four computations of BatchNorm, which differ in the accuracy that is possible.

#include <array>
#include <optional>
#include <string_view>

#include "bncheck/case.hpp"

namespace bncheck {

enum class Pass { training, inference, backward_training, backward_inference };
inline constexpr std::array all_passes{Pass::training, Pass::inference, Pass::backward_training,
                                       Pass::backward_inference};
/// Name of the pass: "training", "inference", "backward training", "backward inference".
std::string_view name_of(Pass pass);

/// Pass of a forward call or of its gradient. It is training if the call normalises with the batch's
/// statistics, as every call of a layer without running statistics does.
Pass pass_of(const Config& config, const Forward& forward, bool backward);

/// Pass of a call of a case; a gradient belongs to the last Forward before it. nullopt for a call that
/// computes nothing, and for a gradient without a Forward.
std::optional<Pass> pass_of(const Case& c, std::size_t call);

}  // namespace bncheck
