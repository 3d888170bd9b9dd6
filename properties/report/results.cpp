#include "report/results.hpp"

#include <algorithm>
#include <numeric>

namespace bncheck {

namespace {

int total(const std::vector<Finding>& findings, int LawResult::*figure) {
  return std::accumulate(findings.begin(), findings.end(), 0,
                         [=](int sum, const Finding& finding) { return sum + finding.result.*figure; });
}

}  // namespace

int CheckReport::cases() const {
  return total(findings, &LawResult::cases);
}

int CheckReport::stored() const {
  return total(findings, &LawResult::stored);
}

int CheckReport::held_again() const {
  return total(findings, &LawResult::held_again);
}

Coverage CheckReport::coverage() const {
  Coverage sum;
  for (const Finding& finding : findings) sum.add(finding.result.coverage);
  return sum;
}

int CheckReport::violations() const {
  return static_cast<int>(std::ranges::count_if(
      findings, [](const Finding& finding) { return finding.result.counterexample.has_value(); }));
}

bool CheckReport::inconclusive() const {
  const auto is = [](LawResult::Kind kind) {
    return [kind](const Finding& finding) { return finding.result.kind == kind; };
  };
  return !starved.empty() || std::ranges::any_of(findings, is(LawResult::Kind::inconclusive)) ||
         std::ranges::all_of(findings, is(LawResult::Kind::not_applicable));
}

}  // namespace bncheck
