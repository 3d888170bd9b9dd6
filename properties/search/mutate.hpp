#pragma once
/// Cases that differ a little from another: the steps of a search that climbs.

#include "bncheck/case.hpp"
#include "core/draws.hpp"

namespace bncheck {

/// A copy of `c` with one change. Mostly of values: a neighbouring float, flipped bits, an exponent by one, a
/// copy of another value, two swapped, a sign, a whole tensor by an ulp each, by a power of two or by a
/// constant. Else eps, momentum, an index of a dimension once more, or a step of `smaller`. What is finite
/// stays finite, variances keep their sign, eps and momentum the range of what layers are made with.
Case mutated(const Case& c, Draws& draws);

}  // namespace bncheck
