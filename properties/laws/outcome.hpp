#pragma once
/// Judgement of a whole case by itself, independent of the law that drew it.

#include "core/judge.hpp"

namespace bncheck {

struct OutcomeJudgement {
  Verdict verdict;
  std::size_t judged = 0;  ///< number of judged calls, from the first one on
  std::string unjudged;    ///< reason why later calls are not judged; empty if all calls are
};

/// Judges call by call, each from the subject's own state before it. A call that must fail has failed with an
/// allowed kind of error and changed nothing. Any other call has returned every output, with its shape and
/// dtype and with values within the claim, and left the rest of the state as it was. Ends before a call with
/// values that are not finite or with a variance below −ε, unless the subject declares the rule for them.
OutcomeJudgement judge_outcome(const Run& run, const Capabilities& can, Judged judged);

}  // namespace bncheck
