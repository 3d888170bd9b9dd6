#pragma once
/// An audit for a terminal, for programs and for a page.

#include <string>
#include <vector>

#include "search/audit_scores.hpp"
#include "search/audit_shrunk.hpp"

namespace bncheck {

struct AuditReport {
  AuditResult result;
  std::vector<ShrunkCase> shrunk;  ///< by fault; empty where none were looked for
  std::string command, version;
};

/// A row per fault: in how many seeds it was detected, by how many laws in all of them, the quickest law and
/// its median of cases; the controls; then what is wrong, if anything.
std::string audit_table(const AuditReport& report);

/// The same as a page in Markdown, with the matrix of faults and laws.
std::string audit_page(const AuditReport& report);

/// {"schema": "bncheck-audit-1", "version", "command", "seed", "seeds", "cases", "control_cases",
///  "interrupted", "score", "score_without_oracle",
///  "faults": [{"name", "row", "source", "reached", "triggered", "detected": seeds that some law detects it
///    from, "detected_of": seeds, "detected_without_oracle", "laws": names of those that detect it from every
///    seed, "counts": {law: seeds} of those that detect it at all, "quickest_law", "median_cases": to the
///    first detection by that law over the seeds that it detects it from, "shrunk": null or {"law", "case",
///    "message", "channels", "values_per_channel", "seconds"}}],
///  "controls": [{"name", "cases", "alarms"}],
///  "laws": [{"name", "exact", "kills": faults that it detects from every seed, "sole_kills": those of them
///    that no other law does}],
///  "alarms": [{"control", "law", "message", "case"}]}; the first of each control and law.
/// A score is null where no faults were looked for, and so is what does not exist. The reference, which ran
/// beside the faults, is the control "reference".
std::string audit_json(const AuditReport& report);

}  // namespace bncheck
