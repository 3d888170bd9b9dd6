#pragma once
/// The single edits that the mutator makes of a case. Each leaves a case that can be written as a case file.

#include "bncheck/case.hpp"
#include "core/draws.hpp"
#include "core/subject.hpp"

namespace bncheck::fuzz {

/// Bits, neighbours in the float line, special values, regimes, scales, repetitions: of x or of the state.
void edit_values(Draws& draws, Case& c);

/// The size of a dimension, the number of channels with all that depends on it, the rank with the layer's.
void edit_shape(Draws& draws, Case& c);

/// A dimension of some x made longer, the channels where all others are 1: an engine that prefers short
/// inputs would otherwise end at cases without a vector's length. Leaves empty inputs alone.
void grow(Draws& draws, Case& c);

/// eps, momentum, affine, track_running_stats with their tensors, the mode of a call, the counter.
void edit_options(Draws& draws, Case& c);

/// Placement, place, threads, rounding mode, flush-to-zero flags of a call.
void edit_exec(Draws& draws, Case& c, const Capabilities& can);

/// Calls appended, repeated, removed, exchanged.
void edit_calls(Draws& draws, Case& c, const Capabilities& can);

/// What the contract rejects, and what comes nearest to it: another rank, channels, lengths, eps, momentum,
/// counter, overlap, one value per channel, an empty dimension.
void damage(Draws& draws, Case& c);

/// The forward calls of a case.
std::vector<std::size_t> forward_calls(const Case& c);
Forward& forward_at(Case& c, std::size_t call);

/// The same values in another shape, from the start again where they do not suffice; 1 where there is none.
Tensor with_shape(const Tensor& tensor, Shape shape);

/// Tensors of the state that have one element per channel, where they are.
std::vector<std::optional<Tensor>*> channel_tensors(State& state);

}  // namespace bncheck::fuzz
