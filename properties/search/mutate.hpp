#pragma once
/// Small changes of a case: the steps of a climb.

#include "bncheck/case.hpp"
#include "core/draws.hpp"

namespace bncheck {

/// A copy of `c` with one change, mostly of values: a neighbouring float, flipped bits, an exponent by one, a
/// copy of another value, two values swapped, a sign, a whole tensor by one ulp each, by a power of two or by
/// a constant. Other changes: eps, momentum, an index of a dimension repeated, or a step of `smaller`. Finite
/// values stay finite, variances keep their sign, and eps and momentum stay in the range of usual layers.
Case mutated(const Case& c, Draws& draws);

}  // namespace bncheck
