#pragma once
/// The end of a check: the subject is released, which may show a fault as well.

#include <cstdint>
#include <optional>

#include "search/check_law.hpp"

namespace bncheck {

/// Fault at the subject's end, as a result of the law `ends_in_order`, with a case that reproduces it;
/// nullopt if there is none, or if the user interrupted the wait.
std::optional<LawResult> check_end(Subject& subject, std::uint64_t seed);

}  // namespace bncheck
