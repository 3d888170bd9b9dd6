#pragma once
/// The report on a terminal or in a log.

#include <string>

#include "report/results.hpp"

namespace bncheck {

struct Style {
  bool colours = false;
};

/// One row of the table, as soon as a law is done.
std::string table_head();
std::string table_row(const LawResult& result, Style style);
/// The counterexample in full, with the line that replays it.
/// `dialect` is the one that the user asked for; empty: the subject's own.
std::string show_finding(const Finding& finding, const std::string& subject, const std::string& dialect,
                         Style style);
/// The command that runs a saved case again; `dialect` as above.
std::string replay_command(const std::string& file, const std::string& subject, const std::string& dialect);
/// The accuracy class of each pass, with the replay line of an unsound one's smallest case. `dialect` as
/// above.
std::string accuracy_lines(const CheckReport& report, const std::string& dialect);
/// How many of the cases belonged to each declared class, and loudly the classes that starved.
std::string coverage_table(const CheckReport& report, Style style);
/// Per law the worst ratio of blind sampling, that of the climb, and the case; empty where none climbed.
std::string climb_table(const CheckReport& report);
/// A line per law with a case that took far longer than the others.
std::string slow_cases(const CheckReport& report);
/// "31 laws: 31 hold" and what else there is.
std::string summary(const CheckReport& report, Style style);

/// `word` quoted for a POSIX shell where it needs it.
std::string shell_quoted(const std::string& word);

}  // namespace bncheck
