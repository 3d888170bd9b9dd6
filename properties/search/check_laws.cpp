#include "search/check_laws.hpp"

#include "laws/catalogue.hpp"

namespace bncheck {
namespace {

bool interrupted(const CheckOptions& options) {
  return options.interrupted != nullptr && *options.interrupted;
}

}  // namespace

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

std::string check_laws(const LawsToCheck& what, Subject& subject, CheckOptions options) {
  Hangs hangs;
  if (options.hangs == nullptr) options.hangs = &hangs;
  History history;
  if (options.history == nullptr) options.history = &history;
  std::string lost;
  for (std::size_t k = 0; k < what.laws.size() && lost.empty() && !interrupted(options); ++k) {
    const Law& law = *what.laws[k];
    if (what.end) {
      const auto now = std::chrono::steady_clock::now();
      options.deadline = now + (*what.end - now) / static_cast<std::int64_t>(what.laws.size() - k);
    }
    if (what.starts) what.starts(law, options);
    LawResult result = check_law(law, subject, options);
    lost = result.lost;
    what.takes(std::move(result));
  }
  if (what.then && lost.empty()) lost = what.then();
  if (!interrupted(options)) {
    if (auto ending = check_end(subject, options.seed)) {
      ending->known = options.is_known && options.is_known(*ending->law, ending->verdict, ending->rank);
      what.takes(std::move(*ending));
    }
  }
  return lost;
}

}  // namespace bncheck
