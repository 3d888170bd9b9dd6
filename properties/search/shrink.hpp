#pragma once
/// The way to the smallest case that is still a finding.

#include <chrono>
#include <functional>

#include "bncheck/case.hpp"

namespace bncheck {

/// Follows `smaller` from case to case as long as `wanted` holds, until no step is left or time is up, and
/// returns the last case that was wanted. `wanted` is asked of candidates only; what it throws goes through.
///
/// After a step that worked, the search goes on at the same place of the new case's steps and not at their
/// beginning: the steps before it have just failed, and the like of one that worked (the next channel, the
/// next value) stands there. It ends when all steps of one case in a row have failed.
Case shrink(Case c, const std::function<bool(const Case&)>& wanted,
            std::chrono::steady_clock::time_point deadline);

}  // namespace bncheck
