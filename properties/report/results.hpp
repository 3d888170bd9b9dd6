#pragma once
/// Results of a run of `bncheck check`, for all reports.

#include <map>
#include <string>
#include <vector>

#include "report/baseline.hpp"
#include "search/check_law.hpp"

namespace bncheck {

struct Finding {
  LawResult result;
  /// File of the shrunk case; empty if there is none.
  std::string case_file;
  std::optional<Explanation> explanation{};  ///< that of fewest_causes
};
/// Gives each finding its explanation.
void explain(std::vector<Finding>& findings);
/// Reason of the verdict, with the explanation, in one line that a terminal can show.
std::string reason_of(const Finding& finding);

/// What the user declares of a subject in its stead. Empty: what the subject itself declares.
struct Declaration {
  std::string dialect{}, numerics{};
};

struct CheckReport {
  std::string subject, version;
  std::string dialect, numerics;  ///< in which and by which the subject was judged
  std::uint64_t seed = 0;
  bool interrupted = false;
  std::vector<Finding> findings;
  /// Classes of cases within the subject's capabilities that no case fell into, although all laws were
  /// checked on at least the default number of cases and none was violated or inconclusive. The generators do
  /// not reach such a class.
  std::vector<CoverageClass> starved{};
  /// Accuracy on the stored and the drawn cases, from the laws that compare with the exact answer.
  std::map<Pass, PassErrors> accuracy{};
  /// Reason why the subject could not be started, or started again before all laws were checked; empty if it
  /// could.
  std::string lost{};
  std::set<Rank> fail_on = usual_failures;  ///< ranks that count as failures
  std::set<KnownFinding> gone{};            ///< findings of the baseline that did not show again
  std::string own_name{};                   ///< what the subject calls itself; empty if it did not start

  int cases() const;
  Coverage coverage() const;                 ///< coverage by all laws
  int violations() const;                    ///< number of laws with a counterexample, of any rank
  bool fails(const Finding& finding) const;  ///< a counterexample that is not known, of a rank that fails
  int failures() const;                      ///< number of those
  int stored() const;                        ///< number of stored cases that were tried
  int held_again() const;  ///< number of those with which the subject violated a law before and now does not
  bool inconclusive() const;
};

/// Verdict in a word: "holds", the rank of a violation, "died", "known", "inconclusive", "not applicable".
std::string_view verdict_word(const LawResult& result);
/// "3 hold, 1 wrong, 2 limits": the words that occur, with their counts.
std::vector<std::pair<std::string_view, int>> verdict_counts(const std::vector<Finding>& findings);
/// "1 wrong", "2 limits", "3 hold".
std::string show_count(std::string_view word, int count);

/// A case of a finding, with what a reader is told it is: "case 1 before it", "the smallest case found".
struct TitledCase {
  std::string title;
  const Case* content;
};
/// The cases that must run before the counterexample, the counterexample, and the case of the other run where the law
/// compares two. Precondition: there is a counterexample.
std::vector<TitledCase> cases_of(const LawResult& result);

/// "bn 0.1.0"; the name alone where there is no version.
std::string with_version(const std::string& name, const std::string& version);
/// The subject as it is written on the command line, and in parentheses what it calls itself where that differs:
/// "plugin:./libmine.so (my kernel 1.2)".
std::string subject_title(const CheckReport& report);

/// Finding whose shrunk case has the fewest bytes of tensors, among those whose worst element is in range and
/// beyond the attainable error of this pass; null if there is none.
const Finding* smallest_unsound(const std::vector<Finding>& findings, Pass pass);

}  // namespace bncheck
