#include "search/diagnose_numerics.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "core/redeclared.hpp"
#include "laws/catalogue.hpp"
#include "search/audit.hpp"
#include "search/check_law.hpp"

namespace bncheck {
namespace {

/// Laws that compare values of every size and number with the exact ones.
constexpr std::array laws{
    "matches_oracle",          "long_sums",          "inference_uses_running_statistics",
    "affine_parameters",       "momentum_one_step",  "merged_long_batches",
    "backward_matches_oracle", "backward_long_sums", "backward_long_shards_add"};
constexpr int cases = 60;
/// Each round takes losses that the one before did not show, because a larger one covered them.
constexpr int most_rounds = 3;

std::vector<LawResult> findings(Subject& subject, std::uint64_t seed, const std::atomic<bool>* interrupted) {
  CheckOptions options;
  options.seed = seed;
  options.interrupted = interrupted;
  std::vector<LawResult> found;
  for (const char* name : laws) {
    const Law& law = *law_named(name);
    options.cases = cases_for(law, cases);
    LawResult result = check_law(law, subject, options);
    if (!result.lost.empty()) throw SubjectUnavailable(result.lost);
    if (result.counterexample && !is_mild(result.rank)) found.push_back(std::move(result));
  }
  return found;
}

/// The losses that explain most of the findings, with their laws.
std::vector<FoundLoss> losses_of(const std::vector<LawResult>& found) {
  std::vector<std::vector<Explanation>> explanations;
  for (const LawResult& result : found) {
    std::vector<Explanation> losses;
    std::ranges::copy_if(result.explanations, std::back_inserter(losses), [](const Explanation& explanation) {
      return explanation.option.starts_with("--numerics");
    });
    explanations.push_back(std::move(losses));
  }
  std::vector<const std::vector<Explanation>*> pointers;
  for (const auto& one : explanations) pointers.push_back(&one);
  const std::vector<const Explanation*> chosen = fewest_causes(pointers);
  std::vector<FoundLoss> losses;
  for (std::size_t k = 0; k < found.size(); ++k) {
    if (chosen[k] == nullptr) continue;
    auto at = std::ranges::find(losses, chosen[k]->cause, &FoundLoss::knobs);
    if (at == losses.end()) at = losses.insert(at, {chosen[k]->cause, {}});
    at->laws.push_back(found[k].law->name);
  }
  return losses;
}

}  // namespace

NumericsDiagnosis diagnose_numerics(Subject& subject, const Dialect& dialect, std::uint64_t seed,
                                    const std::atomic<bool>* interrupted) {
  NumericsDiagnosis diagnosis{subject.can().numerics, {}, {}};
  Capabilities can = subject.can();
  can.dialect = without_lacks(dialect, can);
  subject.assume(can.dialect);
  for (int round = 0; round < most_rounds; ++round) {
    can.numerics = diagnosis.numerics;
    Redeclared judged(subject, can);
    const std::vector<LawResult> found = findings(judged, seed, interrupted);
    const std::vector<FoundLoss> losses = losses_of(found);
    diagnosis.violated.clear();
    for (const LawResult& result : found)
      diagnosis.violated.push_back(result.law->name + ": " + std::string(name_of(result.rank)) + ": " +
                                   result.reason);
    if (losses.empty()) break;
    for (const FoundLoss& loss : losses) {
      diagnosis.numerics = numerics_from_text(loss.knobs, diagnosis.numerics);
      diagnosis.losses.push_back(loss);
    }
  }
  return diagnosis;
}

}  // namespace bncheck
