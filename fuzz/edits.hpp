#pragma once
/// Single edits of the mutator. Each leaves a case that can be written as a case file.

#include "bncheck/case.hpp"
#include "core/draws.hpp"
#include "core/subject.hpp"
#include "family.hpp"

namespace bncheck::fuzz {

/// Edits values of x, dy or the state: bits, neighbouring floats, special values, regimes, scales,
/// repetitions.
void edit_values(Draws& draws, Case& c);

/// Edits the size of a dimension, the number of channels with everything that depends on it, or the rank with
/// that of the layer. A dy that had the shape of its x keeps that shape, here and in `grow`.
void edit_shape(Draws& draws, Case& c);

/// Makes a dimension of some x longer, that of the channels if all others are 1. An engine that prefers short
/// inputs would otherwise keep only cases shorter than a vector. Empty inputs stay.
void grow(Draws& draws, Case& c);

/// Edits options: eps, momentum, weight, bias, track_running_stats with their tensors, the mode of a forward call,
/// the counter.
void edit_options(Draws& draws, Case& c);

/// Edits the execution of a call: placement, place, threads, rounding mode, flush-to-zero flag.
void edit_exec(Draws& draws, Case& c, const Capabilities& can);

/// Appends, repeats, removes or exchanges forward calls, with settings between them.
void edit_calls(Draws& draws, Case& c, const Capabilities& can);

/// Edits a gradient: dy is drawn anew by any kind of draw_gradient, as a whole or in one channel, or takes
/// the values of x; the wanted outputs; whether the mode is named.
void edit_gradient(Draws& draws, Case& c);

/// Appends, repeats or removes backward calls, or adds forward calls with their gradients, with settings
/// between them.
void edit_gradient_calls(Draws& draws, Case& c, const Capabilities& can);

/// Appends a Backward of the last Forward after all calls.
void append_gradient(Draws& draws, Case& c, const Capabilities& can);
void remove_gradients(Case& c);

/// Makes a case that the contract rejects, or one close to it: another rank, channels, lengths, eps,
/// momentum, counter, overlap, one value per channel, an empty dimension; for the last Backward, if there is
/// one, another shape or mode, no forward call, one that fails, or a Load between them.
void damage(Draws& draws, Case& c);

/// Indices of the forward calls of a case.
std::vector<std::size_t> forward_calls(const Case& c);
Forward& forward_at(Case& c, std::size_t call);
std::vector<std::size_t> backward_calls(const Case& c);

/// A forward call and a backward call after it, whose dy has the shape of its x.
struct Gradient {
  std::size_t forward, backward;
};
std::vector<Gradient> gradients_of(const Case& c);
/// Gives each dy the shape of its x.
void follow_shapes(Case& c, const std::vector<Gradient>& gradients);
/// Switches a forward call between training and inference, and the gradients that name its mode.
void switch_mode(Case& c, std::size_t forward_call);

/// The same values in another shape, repeated if there are too few; 1 if there are none.
Tensor with_shape(const Tensor& tensor, Shape shape);

}  // namespace bncheck::fuzz
