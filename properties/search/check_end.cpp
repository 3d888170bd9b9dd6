#include "search/check_end.hpp"

#include "laws/catalogue.hpp"

namespace bncheck {

std::optional<LawResult> check_end(Subject& subject, std::uint64_t seed) {
  const std::optional<Death> death = subject.finish();
  if (!death) return std::nullopt;
  const Law& law = ending_law();
  LawResult result;
  result.law = &law;
  result.kind = Verdict::Kind::died;
  result.cases = result.repeated = result.bad = 1;
  result.verdict = verdict_of_end(*death);
  result.reason = result.verdict.message;
  constexpr int small = 5;
  RandomDraws draws(seed, small);
  result.counterexample = law.draw(draws, subject.can());
  try {
    Runner runner(subject);
    ++result.repeated;
    result.bad += check_case(law, *result.counterexample, runner).is_bad() ? 1 : 0;
  } catch (const SubjectUnavailable&) {
    --result.repeated;
  } catch (const Interrupted&) {
    --result.repeated;
  }
  if (result.flaky())
    result.reason = "flaky: after the whole check, not after this case alone: " + result.reason;
  return result;
}

}  // namespace bncheck
