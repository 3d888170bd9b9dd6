#pragma once
/// Reports of an audit, for a terminal, for programs and as a page.

#include <string>
#include <vector>

#include "search/audit_scores.hpp"
#include "search/audit_shrunk.hpp"

namespace bncheck {

struct AuditReport {
  AuditResult result;
  std::vector<ShrunkCase> shrunk;  ///< by fault; empty if none were looked for
  std::string command, version;
};

/// Table with a row per fault: the number of seeds that detected it, the number of laws that detect it from
/// all seeds, the quickest law and its median of cases; then the controls and the failures, if any.
std::string audit_table(const AuditReport& report);

/// The same as a Markdown page, with the matrix of faults and laws.
std::string audit_page(const AuditReport& report);

/// {"schema": "bncheck-audit-1", "version", "command", "seed", "seeds", "cases", "control_cases",
///  "interrupted", "score", "score_without_oracle",
///  "faults": [{"name", "row", "source", "reached", "triggered", "detected": seeds from which some law
///    detects it, "detected_of": seeds, "detected_without_oracle", "laws": names of those that detect it
///    from every seed, "counts": {law: seeds} of those that detect it at all, "quickest_law",
///    "median_cases": to the first detection by that law over the seeds from which it detects it, "shrunk":
///    null or {"law", "case", "message", "channels", "values_per_channel", "seconds"}}],
///  "controls": [{"name", "cases", "alarms"}],
///  "laws": [{"name", "exact", "kills": faults that it detects from every seed, "sole_kills": those of them
///    that no other law detects}],
///  "alarms": [{"control", "law", "message", "case"}]}; the first one of each control and law.
/// A score is null if no faults were looked for; other absent values are null too. The reference, which ran
/// beside the faults, is the control "reference".
std::string audit_json(const AuditReport& report);

}  // namespace bncheck
