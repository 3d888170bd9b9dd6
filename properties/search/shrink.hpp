#pragma once
/// Search for the smallest case that is still a finding.

#include <chrono>
#include <functional>

#include "bncheck/case.hpp"

namespace bncheck {

/// Follows `smaller` from case to case as long as `wanted` holds, until no step is left or time is up, and
/// returns the last case that was wanted. `wanted` is asked only about candidates; its exceptions pass
/// through.
///
/// After a successful step the search continues at the same place of the new case's steps, not at their
/// beginning: the steps before it have just failed, and steps similar to the successful one (the next
/// channel, the next value) are at that place. The search ends when all steps of one case have failed in a
/// row.
Case shrink(Case c, const std::function<bool(const Case&)>& wanted,
            std::chrono::steady_clock::time_point deadline);

}  // namespace bncheck
