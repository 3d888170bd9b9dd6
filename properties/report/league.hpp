#pragma once
/// Comparison of several subjects: with the same cases, and by the laws.

#include <optional>
#include <string>
#include <vector>

#include "report/results.hpp"
#include "search/measure.hpp"

namespace bncheck {

struct Contestant {
  std::string name, version;
  /// Reason why the subject could not be run; empty if it could. If it is set, nothing else is.
  std::string skipped{};
  std::optional<Measured> measured{};
  std::vector<Finding> laws{};
  /// Why it could not be started again; empty where it could. What was found before stands.
  std::string lost{};

  /// Number of laws with this verdict.
  int count(Verdict::Kind kind) const;
  int count(Rank rank) const;
  /// Number of laws whose violation is wrong or inaccurate, and of those with which the subject died.
  int violations() const;
  /// Figures of all passes together.
  ErrorFigures figures() const;
  ErrorFigures figures(Pass pass) const;
};

struct League {
  std::vector<Contestant> contestants;
  std::uint64_t seed = 0;
  int cases = 0;      ///< cases per pass and regime
  int law_cases = 0;  ///< cases per law; 0: no laws were checked
  bool interrupted = false;
  std::string command{}, bncheck_version{};
};

/// Table with a row per subject: laws, share of nearest floats, worst ulps and ratio; its accuracy class in
/// each pass; its violations, rejections and deaths; then a row per pass, regime and output.
std::string league_table(const League& league);

/// The summary as Markdown tables.
std::string league_page(const League& league);

/// {"schema": 2, "seed", "cases", "law_cases", "interrupted", "subjects": [{"name", "version", "skipped":
///  reason or null, "cases", "laws": null or {"hold", "violated": wrong or inaccurate,
///  "limits", "lax", "not_applicable", "inconclusive"}, "violations": [{"law", "rank", "reason", "case_file"}],
///  ...figures of all passes (figures_json of report/accuracy.hpp), "accuracy": accuracy_json,
///  "deaths": {"cases", "first": [{"pass", "regime", "case", "reason"}]}, "failures": the same,
///  "unsupported": cases, "not_asked": cases that are not in "cases" because it hung, "lost": why it could
///  not be started again, or null,
///  "rows": [{"pass", "regime", "output", ...figures}]}]}; a subject that was skipped has the first three
///  only.
std::string league_json(const League& league);

/// "hung in case after case and was not asked 31 more"
std::string show_not_asked(const Measured& measured);
/// "was lost: subject 'exec:./subject' cannot be started again: ..."
std::string show_lost(const Contestant& contestant);
/// Index of a case of a workload, and its result.
std::string show_unmeasured(const Unmeasured& unmeasured);
/// Row of the table for a pass, regime and output; null if the subject has none.
const Measurement* find_row(const Contestant& contestant, const Workload& workload, Output output);
/// Outputs that at least one subject has in this workload, in order.
std::vector<Output> outputs_of(const League& league, const Workload& workload);
/// Subjects that were run.
std::vector<const Contestant*> players(const League& league);
/// "79 hold, 0 violated, 0 not applicable"; "-" if no laws were checked.
std::string show_laws(const Contestant& contestant);

}  // namespace bncheck
