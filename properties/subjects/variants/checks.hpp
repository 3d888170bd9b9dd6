#pragma once
/// Checks of the error rows of the contract, each as a recipe specifies.

#include "subjects/variants/batch_norm.hpp"

namespace bncheck::variants {

// All of them throw Rejected.
void check_options(const Config& config, const Checking& checking);
void check_momentum(const std::optional<double>& momentum, const Checking& checking);
/// `loading`: the state comes from a Load call.
void check_state(const Config& config, const State& state, const Checking& checking, bool loading);
void check_forward(const ForwardCall& call, const Checking& checking);
void check_backward(const BackwardCall& call, const Checking& checking);

}  // namespace bncheck::variants
