#pragma once
/// Report on a terminal or in a log.

#include <string>

#include "report/results.hpp"

namespace bncheck {

struct Style {
  bool colours = false;
};

/// One row of the table, printed as soon as a law is done.
std::string table_head();
std::string table_row(const LawResult& result, Style style);
/// The counterexample in full, with the line that replays it.
std::string show_finding(const Finding& finding, const std::string& subject, const Declaration& declared,
                         Style style);
/// All findings that are not known. Of those with one cause the first is shown in full, the others without their cases.
std::string show_findings(const CheckReport& report, const Declaration& declared, Style style);
/// The command that runs a saved case again.
std::string replay_command(const std::string& file, const std::string& subject, const Declaration& declared);
/// Accuracy class of each pass, with the replay line for the smallest case of an unsound one.
std::string accuracy_lines(const CheckReport& report, const Declaration& declared);
/// Number of cases in each declared class, with a warning for classes without cases.
std::string coverage_table(const CheckReport& report, Style style);
/// Per law the worst ratio of the drawn cases, that of the climb, and its case; empty if no law climbed.
std::string climb_table(const CheckReport& report);
/// One line per law with a case that took far longer than the others.
std::string slow_cases(const CheckReport& report);
/// Summary: "31 laws: 31 hold" and other counts.
std::string summary(const CheckReport& report, Style style);

/// "form=folded explains 2 findings: zero_mean, sign_flip", a line for each cause.
std::string causes_lines(const std::vector<Finding>& findings);

/// `word`, quoted for a POSIX shell where necessary.
std::string shell_quoted(const std::string& word);

}  // namespace bncheck
