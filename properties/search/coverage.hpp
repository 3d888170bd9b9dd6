#pragma once
/// Which declared classes of cases a check met: regimes of x, shapes, options. Classified from the case
/// itself, for cases come from files, too.

#include <string_view>
#include <vector>

#include "core/subject.hpp"

namespace bncheck {

struct CoverageClass {
  std::string_view group;  ///< "x", "shape", "call", "option" or "execution"
  std::string_view name;
};
/// All of them, by group.
const std::vector<CoverageClass>& coverage_classes();

class Coverage {
 public:
  void add(const Case& c);
  void add(const Coverage& other);

  /// Cases that were added, and those of each class, in the order of `coverage_classes`. A case belongs to
  /// every class that one of its calls or channels belongs to.
  int cases() const { return cases_; }
  const std::vector<int>& counts() const { return counts_; }
  /// Classes that such a subject can be asked for, and never was.
  std::vector<CoverageClass> never_met(const Capabilities& can) const;

 private:
  int cases_ = 0;
  std::vector<int> counts_ = std::vector<int>(coverage_classes().size());
};

}  // namespace bncheck
