#pragma once
/// What a reply owes: a foreign program may send anything back, and nothing of another shape or dtype gets
/// further than here.

#include <optional>
#include <string>
#include <vector>

#include "bncheck/owed.hpp"
#include "core/subject.hpp"

namespace bncheck {

/// What is wrong with `got` (null: it is missing); empty where nothing is.
std::string fault_of(const OwedOutput& owed, const Tensor* got);

/// The breach of protocol in an outcome that came from elsewhere: an output that is missing, or of another
/// shape or dtype than its call's.
std::optional<Death> breach_of(const Outcome& outcome, const Case& c, const Dialect& dialect);

}  // namespace bncheck
