#pragma once
/// One structural notion of "smaller" for cases: RapidCheck's shrink trees, fuzz triage and the command line
/// all use it. Calls and shape first, then options, then values.

#include <functional>
#include <vector>

#include "bncheck/case.hpp"

namespace bncheck {

/// Cases smaller than `c`, the boldest first, each made when it is called. Following them always ends.
std::vector<std::function<Case()>> smaller(const Case& c);

/// How far a value is from the simplest, 0: then 1, -1, 2, powers of two, few significant bits, ..., NaN
/// last.
int complexity(double value);

}  // namespace bncheck
