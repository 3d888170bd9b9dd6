#pragma once
/// How badly a channel is conditioned: how much its data, and not its arithmetic, make of a rounding error.

#include <vector>

#include "bncheck/case.hpp"
#include "bncheck/dialect.hpp"

namespace bncheck {

/// One number per statistic (channel, or channel and position) of a forward call, of its gradient the same:
///
///   kappa = h (mean|x| + |mu|)
///
/// with the mu that x is centred by and the factor h that it is scaled by, the batch's or given ones.
///
/// Derivation: x^_i = h (x_i - mu). Were each x_i and mu known to a relative error u only, x^_i could be off
/// by h u (|x_i| + |mu|), on average over the channel by u kappa. In training x^ has mean square
/// h^2 sigma^2 <= 1, so kappa is the factor from relative errors of the data to those of the normalised
/// values; with |mu| <= mean|x| and no eps it lies between mean|x| / sigma and twice that, the condition
/// number of the variance by Chan, Golub and LeVeque up to a factor of 2. 1 to 2 is harmless data; 1e6 leaves
/// float one digit. y, the saved values and the gradients are functions of x^.
///
/// It is computed in double and good to a few digits: enough for the place of a point in a plot. Infinite or
/// NaN where V <= 0 or a value is not finite. Empty for an x without rank 2 or more, without values, or not
/// whole. Precondition: x is whole, and the state fits the configuration.
std::vector<double> condition_numbers(const Config& config, const State& before, const Forward& forward,
                                      const Dialect& dialect);

/// The index into those numbers of element `index` of an output that has the shape of x.
std::size_t statistic_of(std::int64_t index, const Shape& x, Axes axes);

}  // namespace bncheck
