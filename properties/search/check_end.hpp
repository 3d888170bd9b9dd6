#pragma once
/// The end of a check: the subject is let go, which is a fault's last chance to show.

#include <cstdint>
#include <optional>

#include "search/check_law.hpp"

namespace bncheck {

/// What is wrong with the subject's end, as a result of the law `ends_in_order`, with a case after which it
/// can be looked at again; nullopt where nothing is, or where the user would not wait.
std::optional<LawResult> check_end(Subject& subject, std::uint64_t seed);

}  // namespace bncheck
