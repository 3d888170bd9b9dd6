#pragma once
/// Findings that need other cases before them: a subject that keeps something from call to call.

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "bncheck/case.hpp"

namespace bncheck {

/// Whether the finding shows in a subject that has just started, after these cases in this order.
using FailsAfter = std::function<bool(const std::vector<Case>&)>;

/// Few of the cases that ran before a finding, in their order, after which it shows. The search takes the last
/// 1, 2, 4, ... of them until it shows, and then leaves out a half, quarters and so on (Zeller 1999). nullopt if it
/// shows not even after all of them. At the deadline, the fewest found so far.
std::optional<std::vector<Case>> cases_needed(const std::vector<Case>& ran, const FailsAfter& fails,
                                              std::chrono::steady_clock::time_point deadline);

}  // namespace bncheck
