#pragma once
/// Check whether a case is within a subject's capabilities.

#include <optional>
#include <string>
#include <vector>

#include "core/subject.hpp"

namespace bncheck {

/// Whether the subject reports a call that must fail with one of these kinds: one that it reports is enough, because
/// any of them is right. True of a call that must succeed, without kinds.
bool reports(const Capabilities& can, const std::vector<ErrorKind>& errors);

/// Reason why the case is beyond the subject: an operation, a shape or an option that it does not take, or a
/// call that must fail with errors that it does not report, where anything might happen. nullopt if the
/// subject can be given the case. Throws like `errors_of`.
std::optional<std::string> beyond_reach(const Case& c, const Capabilities& can);

}  // namespace bncheck
