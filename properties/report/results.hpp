#pragma once
/// What a run of `bncheck check` found: the one thing that every renderer shows.

#include <map>
#include <string>
#include <vector>

#include "search/check_law.hpp"

namespace bncheck {

struct Finding {
  LawResult result;
  /// Where the shrunk case was saved; empty where there is none.
  std::string case_file;
};

struct CheckReport {
  std::string subject, version;
  std::string dialect;  ///< the one that the subject was judged in
  std::uint64_t seed = 0;
  bool interrupted = false;
  std::vector<Finding> findings;
  /// Classes of cases that the subject can be asked for and never was, although every law had as many cases
  /// as a check has by default: a generator starves.
  std::vector<CoverageClass> starved{};
  /// Of the stored and of the drawn cases, as far as the laws hold numbers against the exact answer.
  std::map<Pass, PassErrors> accuracy{};
  /// Why the subject could not be started, at first or again before all laws were asked; empty where it
  /// could.
  std::string lost{};

  int cases() const;
  Coverage coverage() const;  ///< of all laws
  int violations() const;
  int stored() const;      ///< stored cases that were tried
  int held_again() const;  ///< those with which the subject once violated their law, and no longer does
  bool inconclusive() const;
};

/// "bn 0.1.0"; the name alone where there is no version.
std::string with_version(const std::string& name, const std::string& version);

/// The shrunk case with the fewest values whose worst element is within float's range and beyond the
/// attainable error of this pass;
/// null where there is none.
const Finding* smallest_unsound(const std::vector<Finding>& findings, Pass pass);

}  // namespace bncheck
