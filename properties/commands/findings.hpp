#pragma once
/// Cases that violated a law, as commands save them.

#include <string>

#include "search/check_law.hpp"

namespace bncheck {

/// The folder that a run saves its findings in.
class FindingFolder {
 public:
  /// A folder that cannot be written is a UsageError where the user named it by `--save`; the default one
  /// costs a line on stderr, and then nothing is saved: a run in a place that cannot be written still has
  /// results.
  FindingFolder(std::string folder, bool named_by_user);

  /// Saves the counterexample with the law, the subject (as the command line named it) and the seed in its
  /// notes, and returns the file; "" where there is none. A case that cannot be written costs a line on
  /// stderr.
  std::string save(const std::string& subject_name, const LawResult& result, const Subject& subject,
                   std::uint64_t seed);
  /// Some case could not be written.
  bool lost_some() const { return lost_some_; }

 private:
  std::string folder_;
  bool saves_ = true, lost_some_ = false;
};

}  // namespace bncheck
