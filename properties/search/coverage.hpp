#pragma once
/// Classes of cases that a check has met: regimes of x, shapes, options. They are determined from the case
/// itself, because cases come from files too.

#include <string_view>
#include <vector>

#include "core/subject.hpp"

namespace bncheck {

struct CoverageClass {
  std::string_view group;  ///< "x", "shape", "call", "option" or "execution"
  std::string_view name;
};
/// All classes, by group.
const std::vector<CoverageClass>& coverage_classes();

class Coverage {
 public:
  void add(const Case& c);
  void add(const Coverage& other);

  /// Number of cases that were added, and of those in each class, in the order of `coverage_classes`. A case
  /// belongs to every class that one of its calls or channels belongs to.
  int cases() const { return cases_; }
  const std::vector<int>& counts() const { return counts_; }
  /// Classes that are within these capabilities and were never met.
  std::vector<CoverageClass> never_met(const Capabilities& can) const;

 private:
  int cases_ = 0;
  std::vector<int> counts_ = std::vector<int>(coverage_classes().size());
};

}  // namespace bncheck
