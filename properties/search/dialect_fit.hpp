#pragma once
/// Fit of a dialect to what a subject did with a case.

#include <set>
#include <string>
#include <vector>

#include "core/subject.hpp"

namespace bncheck {

/// One element of the subject's output, with the exact answer.
struct ComparedElement {
  std::size_t call = 0;
  Output output = Output::y;
  std::int64_t index = 0;
  float got = 0;
  float wanted = 0;  ///< float nearest to the exact answer in the dialect
  double ratio = 0;  ///< |got − exact| / attainable error; above 1, the dialect does not explain it
};

struct DialectFit {
  bool explains = true;
  bool rejected = false;  ///< a call was rejected
  bool refused = false;   ///< one was that succeeds in this dialect
  /// Text where there is no element to compare: "rejected (one_value): ...", "no saved_var".
  std::string remark;
  std::vector<ComparedElement> elements;

  const ComparedElement* find(std::size_t call, Output output, std::int64_t index) const;
  /// Element with the largest ratio; null if there is no element.
  const ComparedElement* worst() const;
};

/// Compares the outputs in `looks_at` of every call with the exact answer from the subject's own state before
/// the call. Outputs within the attainable error of the least accurate formulas are explained: what the subject claims does
/// not matter here, nor whether it folds. Running statistics that the dialect does not update must be unchanged. Outputs outside the exponent
/// range of the arithmetic are ignored.
DialectFit fit_of(const Case& c, const Outcome& outcome, const Dialect& dialect,
                  const std::set<Output>& looks_at, const Numerics& numerics);

}  // namespace bncheck
