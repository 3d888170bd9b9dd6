#pragma once
/// The laws for programs of your own: implement `Subject` (core/subject.hpp), and check it.
///
/// bncheck/gtest.hpp makes a GoogleTest of each law.

#include <cstdint>
#include <string>
#include <vector>

#include "core/subject.hpp"

namespace bncheck {

struct LawCheckOptions {
  int cases = 200;         ///< per law; laws with large cases do with fewer
  std::uint64_t seed = 1;  ///< that the cases follow from
  /// Where the smallest case that violates a law is written to; empty: nowhere.
  std::string folder = "bncheck-failures";
  /// This case file instead of drawn cases.
  std::string case_file;
};

struct LawCheck {
  enum class Verdict { holds, violated, not_applicable, inconclusive };
  std::string law, statement;
  Verdict verdict = Verdict::inconclusive;
  int cases = 0;  ///< that the law said something about
  double worst_ulps = 0, worst_ratio = 0;
  /// Why it does not apply or is inconclusive. Of a violation everything: the worst values as they are and as
  /// they should be, and the smallest case found.
  std::string report;
  std::string case_file;  ///< the file of that case; empty where none was written
};

/// Names of the laws that match a pattern with * and ?, in the order in which they are reported.
std::vector<std::string> law_names(const std::string& pattern = "*");

/// Throws std::invalid_argument for an unknown law, std::runtime_error for a case file that cannot be read.
LawCheck check_law(Subject& subject, const std::string& law, const LawCheckOptions& options = {});

/// All laws that match the pattern.
std::vector<LawCheck> check_all_laws(Subject& subject, const LawCheckOptions& options = {},
                                     const std::string& pattern = "*");

}  // namespace bncheck
