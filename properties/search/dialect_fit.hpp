#pragma once
/// How well a dialect explains what a subject did with a case.

#include <set>
#include <string>
#include <vector>

#include "core/subject.hpp"

namespace bncheck {

/// One element of what the subject returned, beside the exact answer.
struct ComparedElement {
  std::size_t call = 0;
  Output output = Output::y;
  std::int64_t index = 0;
  float got = 0;
  float wanted = 0;  ///< nearest float to the exact answer in the dialect
  double ratio = 0;  ///< |got - exact| / attainable error; above 1, the dialect does not explain it
};

struct DialectFit {
  bool explains = true;
  bool refused = false;  ///< a call that succeeds in this dialect was rejected
  /// What happened where no element tells it: "rejected (one_value): ...", "no saved_var".
  std::string remark;
  std::vector<ComparedElement> elements;

  const ComparedElement* find(std::size_t call, Output output, std::int64_t index) const;
  /// Null where there is no element.
  const ComparedElement* worst() const;
};

/// Every call's outputs that are among `looks_at`, held against the exact answer from the subject's own state
/// before the call: explained are those that are within the attainable error (a claim of more accuracy does
/// not matter here). Running statistics that the dialect does not update must be unchanged. Outputs outside
/// the exponent range of the arithmetic say nothing.
DialectFit fit_of(const Case& c, const Outcome& outcome, const Dialect& dialect,
                  const std::set<Output>& looks_at, const Numerics& numerics);

}  // namespace bncheck
