#pragma once
/// The single edits that the mutator makes of a case. Each leaves a case that can be written as a case file.

#include "bncheck/case.hpp"
#include "core/draws.hpp"
#include "core/subject.hpp"
#include "family.hpp"

namespace bncheck::fuzz {

/// Bits, neighbours in the float line, special values, regimes, scales, repetitions: of x, dy or the state.
void edit_values(Draws& draws, Case& c);

/// The size of a dimension, the number of channels with all that depends on it, the rank with the layer's. A
/// dy that had the shape of its x keeps to it, here and in `grow`.
void edit_shape(Draws& draws, Case& c);

/// A dimension of some x made longer, the channels where all others are 1: an engine that prefers short
/// inputs would otherwise end at cases without a vector's length. Leaves empty inputs alone.
void grow(Draws& draws, Case& c);

/// eps, momentum, affine, track_running_stats with their tensors, the mode of a forward call, the counter.
void edit_options(Draws& draws, Case& c);

/// Placement, place, threads, rounding mode, flush-to-zero flags of a call.
void edit_exec(Draws& draws, Case& c, const Capabilities& can);

/// Forward calls appended, repeated, removed, exchanged; settings between them.
void edit_calls(Draws& draws, Case& c, const Capabilities& can);

/// dy anew by any kind that draw_gradient knows, in whole or in one channel, or the values of x; which
/// outputs are wanted; whether the mode is named.
void edit_gradient(Draws& draws, Case& c);

/// Backward calls appended, repeated, removed; further forward calls with their gradients; settings between
/// them.
void edit_gradient_calls(Draws& draws, Case& c, const Capabilities& can);

/// A Backward after all calls, of the last Forward.
void append_gradient(Draws& draws, Case& c, const Capabilities& can);
void remove_gradients(Case& c);

/// What the contract rejects, and what comes nearest to it: another rank, channels, lengths, eps, momentum,
/// counter, overlap, one value per channel, an empty dimension; for the last Backward, where there is one,
/// another shape or mode, no forward call, one that fails, or a Load between.
void damage(Draws& draws, Case& c);

/// The forward calls of a case.
std::vector<std::size_t> forward_calls(const Case& c);
Forward& forward_at(Case& c, std::size_t call);
std::vector<std::size_t> backward_calls(const Case& c);

/// A forward call and a backward call after it, with a dy of the shape of its x.
struct Gradient {
  std::size_t forward, backward;
};
std::vector<Gradient> gradients_of(const Case& c);
/// Gives each dy the shape of its x.
void follow_shapes(Case& c, const std::vector<Gradient>& gradients);
/// Training to inference or back, of a forward call and of the gradients that name its mode.
void switch_mode(Case& c, std::size_t forward_call);

/// The same values in another shape, from the start again where they do not suffice; 1 where there is none.
Tensor with_shape(const Tensor& tensor, Shape shape);

/// Tensors of the state that have one element per channel, where they are.
std::vector<std::optional<Tensor>*> channel_tensors(State& state);

}  // namespace bncheck::fuzz
