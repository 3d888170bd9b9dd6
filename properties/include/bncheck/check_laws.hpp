#pragma once
/// The laws for your own programs: implement `Subject` (core/subject.hpp) and check it. bncheck/gtest.hpp
/// makes a GoogleTest of each law.

#include <cstdint>
#include <string>
#include <vector>

#include "core/subject.hpp"
#include "core/verdict.hpp"

namespace bncheck {

struct LawCheckOptions {
  int cases = 200;         ///< cases per law; laws with large cases use fewer
  std::uint64_t seed = 1;  ///< the cases depend only on it
  /// Folder for the smallest case that violates a law; empty: not written.
  std::string folder = "bncheck-failures";
  /// Case file to check instead of drawn cases.
  std::string case_file;
  /// Every violation fails; otherwise a limit of the exponent range and a call that must fail and is carried out do not.
  bool strict = false;
  /// File of known findings, as `bncheck check --baseline` reads it: only others fail. Empty: none is known.
  std::string baseline{};
  /// Writes the findings of the laws that are checked into that file, which need not exist.
  bool update_baseline = false;
};

struct LawCheck {
  std::string law, statement;
  Verdict::Kind verdict = Verdict::Kind::inconclusive;
  /// Rank of a violation: "wrong", "inaccurate", "limit" or "lax"; empty if there is none.
  std::string rank;
  /// Whether the law is violated with a rank that fails, or the subject died.
  bool fails = false;
  bool known = false;  ///< the violation is in the baseline
  int cases = 0;       ///< number of cases to which the law applied
  double worst_ulps = 0, worst_ratio = 0;
  /// Reason why the law does not apply or is inconclusive. For a violation: the worst values with their
  /// expected values, and the smallest case found.
  std::string report;
  std::string case_file;  ///< file of that case; empty if none was written
};

/// Names of the laws that match a pattern with * and ?, in the order of the reports.
std::vector<std::string> law_names(const std::string& pattern = "*");

/// Checks one law and lets the subject go (`Subject::finish`): one that dies at its end has died with the law, unless it
/// violated it before. Throws std::invalid_argument for an unknown law, std::runtime_error for a case file or a baseline
/// that cannot be read or written.
LawCheck check_law(Subject& subject, const std::string& law, const LawCheckOptions& options = {});

/// Checks all laws that match the pattern, until the subject is lost. If it dies at its end, one more: "ends_in_order".
std::vector<LawCheck> check_all_laws(Subject& subject, const LawCheckOptions& options = {},
                                     const std::string& pattern = "*");

}  // namespace bncheck
