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
/// The counterexample in full, with the line that replays it. `dialect` is the one that the user asked for;
/// empty: the subject's own.
std::string show_finding(const Finding& finding, const std::string& subject, const std::string& dialect,
                         Style style);
/// The command that runs a saved case again; `dialect` as above.
std::string replay_command(const std::string& file, const std::string& subject, const std::string& dialect);
/// Accuracy class of each pass, with the replay line for the smallest case of an unsound one. `dialect` as
/// above.
std::string accuracy_lines(const CheckReport& report, const std::string& dialect);
/// Number of cases in each declared class, with a warning for classes without cases.
std::string coverage_table(const CheckReport& report, Style style);
/// Per law the worst ratio of the drawn cases, that of the climb, and its case; empty if no law climbed.
std::string climb_table(const CheckReport& report);
/// One line per law with a case that took far longer than the others.
std::string slow_cases(const CheckReport& report);
/// Summary: "31 laws: 31 hold" and other counts.
std::string summary(const CheckReport& report, Style style);

/// `word`, quoted for a POSIX shell where necessary.
std::string shell_quoted(const std::string& word);

}  // namespace bncheck
