#pragma once
/// Outputs that a reply owes. A foreign program may send anything; outputs of another shape or dtype are
/// stopped here.

#include <optional>
#include <string>
#include <vector>

#include "bncheck/owed.hpp"
#include "core/subject.hpp"

namespace bncheck {

/// Fault of `got` (null: it is missing); empty if there is none.
std::string fault_of(const OwedOutput& owed, const Tensor* got);

/// Breach of protocol in an outcome from another process: an output that is missing, or that has another
/// shape or dtype than its call's, or a state whose tensors have another shape or dtype than before.
std::optional<Death> breach_of(const Outcome& outcome, const Case& c, const Dialect& dialect);

}  // namespace bncheck
