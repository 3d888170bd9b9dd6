#pragma once
/// Whether a subject can be asked to do what a case asks for.

#include <optional>
#include <string>

#include "core/subject.hpp"

namespace bncheck {

/// Why the case is beyond the subject: an operation, a shape or an option that it declares not to take, or a
/// call that must fail with errors that it declares not to report, where anything might happen. nullopt where
/// it can be put to it. Throws like `errors_of`.
std::optional<std::string> beyond_reach(const Case& c, const Capabilities& can);

}  // namespace bncheck
