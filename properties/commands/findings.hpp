#pragma once
/// Saving of cases that violated a law.

#include <string>

#include "search/check_law.hpp"

namespace bncheck {

/// Folder in which a run saves its findings.
class FindingFolder {
 public:
  /// A folder that cannot be written is a UsageError if the user named it by `--save`. The default folder
  /// costs one line on stderr, and nothing is saved: such a run still has results.
  FindingFolder(std::string folder, bool named_by_user);

  /// Saves the counterexample, with the law, the subject (as named on the command line) and the seed in its
  /// notes, and returns the name of the file; "" if there is no counterexample or it is known. A case that cannot be written
  /// costs one line on stderr.
  std::string save(const std::string& subject_name, const LawResult& result, const Subject& subject,
                   std::uint64_t seed);
  /// Whether a case could not be written.
  bool lost_some() const { return lost_some_; }

 private:
  std::string folder_;
  bool saves_ = true, lost_some_ = false;
};

}  // namespace bncheck
