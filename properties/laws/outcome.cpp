#include "laws/outcome.hpp"

#include <algorithm>

#include "laws/law_support.hpp"

namespace bncheck {
namespace {

std::string call_name(std::size_t call) {
  return "call " + std::to_string(call);
}

Verdict judge_failure(const Run& run, std::size_t call) {
  const std::vector<ErrorKind>& kinds = run.expected[call].errors;
  std::string expected;
  for (const ErrorKind kind : kinds)
    expected += (expected.empty() ? "" : " or ") + std::string(name_of(kind));
  const auto* failure = std::get_if<Failure>(&run.replies[call].result);
  if (failure == nullptr) {
    return Verdict::accepted(call_name(call) + " must fail (" + expected + ") but succeeded");
  }
  if (std::ranges::find(kinds, failure->kind) == kinds.end()) {
    return Verdict::violated(call_name(call) + " failed with the error " +
                             std::string(name_of(failure->kind)) + ", expected " + expected);
  }
  if (failure->wrote_outputs) return Verdict::violated(call_name(call) + " failed but wrote its outputs");
  if (run.after(call) != run.before(call)) {
    return Verdict::violated(call_name(call) + " failed but changed the state");
  }
  return {};
}

bool finite_input(const Call& call) {
  if (const auto* forward = std::get_if<Forward>(&call.operation)) return all_finite(forward->x);
  if (const auto* backward = std::get_if<Backward>(&call.operation)) return all_finite(backward->dy);
  return true;
}

/// Verdicts on the calls of a case, of which the worst counts: what the subject does, then its numbers, then a call that
/// it carries out and must refuse.
struct Verdicts {
  Verdict conduct, values, acceptance;

  void take(Verdict verdict) {
    Verdict& kept = verdict.ground == Verdict::Ground::acceptance ? acceptance : conduct;
    if (verdict.is_bad() && !kept.is_bad()) kept = std::move(verdict);
  }
  Verdict worst() && {
    if (!conduct.is_bad()) return std::move(values.is_bad() || !acceptance.is_bad() ? values : acceptance);
    conduct.mismatches = std::move(values.mismatches);
    return std::move(conduct);
  }
};

}  // namespace

OutcomeJudgement judge_outcome(const Run& run, const Capabilities& can, Judged judged) {
  OutcomeJudgement judgement;
  Verdicts verdicts;
  try {
    for (std::size_t k = 0; k < run.replies.size(); ++k) {
      if (run.expected[k].must_fail()) {
        verdicts.take(judge_failure(run, k));
      } else {
        run.values(k);
        if (!can.non_finite_rule && (!finite_input(run.content.calls[k]) || !fit_to_judge(run, k, can))) {
          judgement.unjudged = call_name(k) + " has values that are not finite or a variance below -eps";
          break;
        }
        judge_call(run, k, can, judged, verdicts.values);
        Verdict state;
        judge_state(run, k, state);
        verdicts.take(std::move(state));
      }
      ++judgement.judged;
    }
    judgement.verdict = std::move(verdicts).worst();
  } catch (Settled& settled) {
    // A missing output or a wrong shape is reported rather than a wrong number.
    judgement.verdict = std::move(settled.verdict);
  }
  return judgement;
}

}  // namespace bncheck
