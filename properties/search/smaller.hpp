#pragma once
/// The structural order of cases: the steps from a case to smaller ones, used by the shrinking of findings,
/// fuzz triage and the command line. Calls and shape come first, then options, then values.

#include <functional>
#include <vector>

#include "bncheck/case.hpp"

namespace bncheck {

/// Steps to cases smaller than `c`, the largest steps first. Each case is made when its function is called.
/// Following them always ends.
std::vector<std::function<Case()>> smaller(const Case& c);

/// Distance of a value from the simplest one, 0. The order is 0, 1, −1, 2, powers of two, few significant
/// bits, ..., NaN.
int complexity(double value);

}  // namespace bncheck
