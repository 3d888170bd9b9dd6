#pragma once
/// Check whether a case is within a subject's capabilities.

#include <optional>
#include <string>

#include "bncheck/walk.hpp"
#include "core/subject.hpp"

namespace bncheck {

/// Reason why the case is beyond the subject: an operation, a shape or an option that it does not take, or a
/// call that must fail with errors that it does not report, where anything might happen. nullopt if the
/// subject can be given the case. Throws like `errors_of`.
std::optional<std::string> beyond_reach(const Case& c, const Capabilities& can);
/// The same for one call, after the calls that the walk has passed.
std::optional<std::string> beyond_reach(const Call& call, const Walk& at, const Capabilities& can);

}  // namespace bncheck
