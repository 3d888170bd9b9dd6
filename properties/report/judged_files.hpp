#pragma once
/// Results of outputs from files.

#include <map>
#include <string>
#include <vector>

#include "core/rank.hpp"
#include "laws/outcome.hpp"
#include "search/error_statistics.hpp"

namespace bncheck {

struct JudgedFile {
  enum class Kind {
    holds,
    violated,
    not_judged,  ///< no bound applies to its values
    missing,     ///< the case has no output file
    unreadable,  ///< the output file is damaged, or belongs to another case
  };
  Kind kind = Kind::holds;
  Rank rank = Rank::wrong;  ///< of a violation
  std::string case_file, output_file;
  std::string message;  ///< one line; empty if it holds
  Case content;
  std::vector<Mismatch> mismatches;
};
std::string_view name_of(JudgedFile::Kind kind);
/// Name of the kind, or the rank of a violation.
std::string_view verdict_word(const JudgedFile& file);

struct JudgedFiles {
  std::string dialect, numerics;
  bool interrupted = false;
  std::vector<JudgedFile> files;
  std::map<Pass, PassErrors> accuracy;

  std::size_t count(JudgedFile::Kind kind) const;
};

/// The error of a file, and its place; empty for a file that holds.
std::string show_judged(const JudgedFile& file);
/// Table with a row per pass and output: number of values, share of nearest numbers, worst errors, accuracy
/// class.
std::string output_table(const std::map<Pass, PassErrors>& accuracy);
/// "12 output files in pytorch, sound: 11 hold, 1 wrong", and " (interrupted)"
std::string judged_summary(const JudgedFiles& judged);

/// {"schema": 2, "dialect", "numerics", "interrupted", "files": [{"case", "output", "verdict", "rank": of a
/// violation or null, "reason", "mismatches":
/// [{"call", "output", "index", "got", "expected", "ulps", "ratio"}]}], "accuracy": as accuracy_json};
/// "verdict" is "holds", "violated", "not judged", "missing" or "unreadable".
std::string judged_json(const JudgedFiles& judged);

}  // namespace bncheck
