#pragma once
/// Condition of a channel: the factor by which its data, rather than the arithmetic, magnify a rounding
/// error.

#include <vector>

#include "bncheck/case.hpp"
#include "bncheck/dialect.hpp"

namespace bncheck {

/// One number per statistic (channel, or channel and position) of a forward call; the same for its gradient:
///
///   κ = h·(mean|x| + |μ|)
///
/// with the μ and the factor h that x is centred and scaled by: those of the batch, or given ones.
///
/// Derivation: x̂ᵢ = h·(xᵢ − μ). If each xᵢ and μ were known only with a relative error u, x̂ᵢ could be off
/// by h·u·(|xᵢ| + |μ|), on average over the channel by u·κ. In training x̂ has the mean square h²σ² <= 1, so
/// κ is the factor from relative errors of the data to those of the normalised values. With |μ| <= mean|x|
/// and ε = 0 it lies between mean|x|/σ and twice that: the condition number of the variance by Chan, Golub
/// and LeVeque up to a factor of 2. 1 to 2 is harmless data; 1e6 leaves float one digit. y, the saved values
/// and the gradients are functions of x̂.
///
/// κ is computed in double and accurate to a few digits, which is enough for a point in a plot. It is
/// infinite or NaN where V <= 0 or a value is not finite. The result is empty for an x without values, of
/// rank below 2, or not whole. Precondition: the state fits the configuration.
std::vector<double> condition_numbers(const Config& config, const State& before, const Forward& forward,
                                      const Dialect& dialect);

/// Index into those numbers for element `index` of an output with the shape of x.
std::size_t statistic_of(std::int64_t index, const Shape& x, Axes axes);

}  // namespace bncheck
