#include "report/results.hpp"

#include <algorithm>
#include <numeric>

#include "bncheck/untrusted_text.hpp"

namespace bncheck {

namespace {

int total(const std::vector<Finding>& findings, int LawResult::* figure) {
  return std::accumulate(findings.begin(), findings.end(), 0,
                         [=](int sum, const Finding& finding) { return sum + finding.result.*figure; });
}

}  // namespace

std::string with_version(const std::string& name, const std::string& version) {
  return version.empty() ? name : name + " " + untrusted_line(version);
}

std::string subject_title(const CheckReport& report) {
  const std::string subject = untrusted_line(report.subject, message_bytes);
  if (report.own_name.empty() || report.own_name == report.subject)
    return with_version(subject, report.version);
  return subject + " (" + with_version(untrusted_line(report.own_name), report.version) + ')';
}

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

bool CheckReport::fails(const Finding& finding) const {
  const LawResult& result = finding.result;
  return result.counterexample && !result.known && fail_on.contains(result.rank);
}

int CheckReport::failures() const {
  return static_cast<int>(
      std::ranges::count_if(findings, [&](const Finding& finding) { return fails(finding); }));
}

namespace {
constexpr std::string_view known_word = "known";
}

std::string_view verdict_word(const LawResult& result) {
  if (result.known) return known_word;
  return result.kind == Verdict::Kind::violated ? name_of(result.rank) : name_of(result.kind);
}

std::vector<std::pair<std::string_view, int>> verdict_counts(const std::vector<Finding>& findings) {
  std::vector<std::pair<std::string_view, int>> counts{{name_of(Verdict::Kind::holds), 0},
                                                       {name_of(Verdict::Kind::died), 0}};
  for (const Rank rank : all_ranks) counts.emplace_back(name_of(rank), 0);
  counts.emplace_back(known_word, 0);
  for (const Verdict::Kind kind : {Verdict::Kind::inconclusive, Verdict::Kind::not_applicable})
    counts.emplace_back(name_of(kind), 0);
  for (const Finding& finding : findings) {
    const std::string_view word = verdict_word(finding.result);
    ++std::ranges::find(counts, word, &std::pair<std::string_view, int>::first)->second;
  }
  std::erase_if(counts, [](const auto& count) { return count.second == 0; });
  return counts;
}

std::string show_count(std::string_view word, int count) {
  std::string shown(word);
  if (count != 1 && word == name_of(Verdict::Kind::holds)) shown = "hold";
  if (count != 1 && word == name_of(Rank::limit)) shown = "limits";
  return std::to_string(count) + " " + shown;
}

std::vector<TitledCase> cases_of(const LawResult& result) {
  std::vector<TitledCase> cases;
  for (const Case& c : result.before)
    cases.push_back({"case " + std::to_string(cases.size() + 1) + " before it", &c});
  const bool as_drawn = result.flaky() || result.needs_others;
  cases.push_back({as_drawn ? "the case" : "the smallest case found", &*result.counterexample});
  if (result.verdict.other) cases.push_back({"the other run", &*result.verdict.other});
  return cases;
}

namespace {

/// Size in bytes of the tensors that the subject starts from and gets.
std::size_t bytes_of(const Case& c) {
  std::size_t sum = 0;
  for (const auto& [name, member] : state_tensors)
    sum += c.state.*member ? (c.state.*member)->bytes.size() : 0;
  for (const Call& call : c.calls) {
    if (const Tensor* input = input_of(call)) sum += input->bytes.size();
  }
  return sum;
}

bool is_unsound(const Finding& finding, Pass pass) {
  const auto& mismatches = finding.result.verdict.mismatches;
  if (!finding.result.counterexample || mismatches.empty()) return false;
  const Mismatch& worst = mismatches.front();
  return worst.error.in_range && worst.error.ratio > 1 &&
         pass_of(*finding.result.counterexample, worst.call) == pass;
}

}  // namespace

const Finding* smallest_unsound(const std::vector<Finding>& findings, Pass pass) {
  const Finding* smallest = nullptr;
  for (const Finding& finding : findings) {
    if (!is_unsound(finding, pass)) continue;
    if (smallest == nullptr ||
        bytes_of(*finding.result.counterexample) < bytes_of(*smallest->result.counterexample)) {
      smallest = &finding;
    }
  }
  return smallest;
}

void explain(std::vector<Finding>& findings) {
  std::vector<const std::vector<Explanation>*> explanations;
  for (const Finding& finding : findings) explanations.push_back(&finding.result.explanations);
  const std::vector<const Explanation*> chosen = fewest_causes(explanations);
  for (std::size_t k = 0; k < findings.size(); ++k) {
    if (chosen[k] != nullptr) findings[k].explanation = *chosen[k];
  }
}

std::string reason_of(const Finding& finding) {
  const std::string reason = untrusted_line(finding.result.reason, message_bytes);
  return finding.explanation ? reason + ": " + show(*finding.explanation) : reason;
}

bool CheckReport::inconclusive() const {
  const auto is = [](Verdict::Kind kind) {
    return [kind](const Finding& finding) { return finding.result.kind == kind; };
  };
  const auto incomplete = [](const Finding& finding) { return finding.result.incomplete; };
  return !starved.empty() || std::ranges::any_of(findings, incomplete) ||
         std::ranges::any_of(findings, is(Verdict::Kind::inconclusive)) ||
         std::ranges::all_of(findings, is(Verdict::Kind::not_applicable));
}

}  // namespace bncheck
