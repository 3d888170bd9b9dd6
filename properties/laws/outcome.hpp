#pragma once
/// All that can be said of a whole case by itself, whatever law it was made for.

#include "core/judge.hpp"

namespace bncheck {

struct OutcomeJudgement {
  Verdict verdict;
  std::size_t judged = 0;  ///< calls, from the first on
  std::string unjudged;    ///< why not those after them; empty where all were
};

/// Call by call from the subject's own state before it: one that must fail has failed with a kind of error
/// that is right, and changed nothing; the others have returned every output, of its shape and dtype, with
/// values in the claim, and left the rest of the state alone. Ends where infinities and NaN come in and the
/// subject declares no rule for them.
OutcomeJudgement judge_outcome(const Run& run, const Capabilities& can, const std::set<Judged>& judged);

}  // namespace bncheck
