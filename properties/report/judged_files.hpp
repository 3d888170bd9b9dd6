#pragma once
/// Outputs from files, as they were judged.

#include <map>
#include <string>
#include <vector>

#include "laws/outcome.hpp"
#include "search/error_statistics.hpp"

namespace bncheck {

struct JudgedFile {
  enum class Kind {
    holds,
    violated,
    not_judged,  ///< nothing is promised of its values
    missing,     ///< the case has no output file
    unreadable,  ///< the output file is damaged, or of another case
  };
  Kind kind = Kind::holds;
  std::string case_file, output_file;
  std::string message;  ///< one line; empty where it holds
  Case content;
  std::vector<Mismatch> mismatches;
};
std::string_view name_of(JudgedFile::Kind kind);

struct JudgedFiles {
  std::string dialect, numerics;
  bool interrupted = false;
  std::vector<JudgedFile> files;
  std::map<Pass, PassErrors> accuracy;

  std::size_t count(JudgedFile::Kind kind) const;
};

/// What is wrong with a file, and where; empty for one that holds.
std::string show_judged(const JudgedFile& file);
/// A row per pass and output: how many values, share of nearest floats, worst errors, accuracy class.
std::string output_table(const std::map<Pass, PassErrors>& accuracy);
/// "12 output files in pytorch, sound: 11 hold, 1 violated", and " (interrupted)"
std::string judged_summary(const JudgedFiles& judged);

/// {"schema": 1, "dialect", "numerics", "interrupted", "files": [{"case", "output", "verdict", "reason",
/// "mismatches":
/// [{"call", "output", "index", "got", "expected", "ulps", "ratio"}]}], "accuracy": as accuracy_json};
/// "verdict" is "holds", "violated", "not judged", "missing" or "unreadable".
std::string judged_json(const JudgedFiles& judged);

}  // namespace bncheck
