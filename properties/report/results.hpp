#pragma once
/// Results of a run of `bncheck check`, for all reports.

#include <map>
#include <string>
#include <vector>

#include "search/check_law.hpp"

namespace bncheck {

struct Finding {
  LawResult result;
  /// File of the shrunk case; empty if there is none.
  std::string case_file;
};

struct CheckReport {
  std::string subject, version;
  std::string dialect;  ///< dialect in which the subject was judged
  std::uint64_t seed = 0;
  bool interrupted = false;
  std::vector<Finding> findings;
  /// Classes of cases within the subject's capabilities that no case fell into, although all laws were
  /// checked on at least the default number of cases and none was violated or inconclusive. The generators do
  /// not reach such a class.
  std::vector<CoverageClass> starved{};
  /// Accuracy on the stored and the drawn cases, from the laws that compare with the exact answer.
  std::map<Pass, PassErrors> accuracy{};
  /// Reason why the subject could not be started, or started again before all laws were checked; empty if it
  /// could.
  std::string lost{};

  int cases() const;
  Coverage coverage() const;  ///< coverage by all laws
  int violations() const;
  int stored() const;      ///< number of stored cases that were tried
  int held_again() const;  ///< number of those with which the subject violated a law before and now does not
  bool inconclusive() const;
};

/// "bn 0.1.0"; the name alone where there is no version.
std::string with_version(const std::string& name, const std::string& version);

/// Finding whose shrunk case has the fewest bytes of tensors, among those whose worst element is in range and
/// beyond the attainable error of this pass; null if there is none.
const Finding* smallest_unsound(const std::vector<Finding>& findings, Pass pass);

}  // namespace bncheck
