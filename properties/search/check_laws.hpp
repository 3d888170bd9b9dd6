#pragma once
/// The loop over laws: each in its turn on one subject, and then the subject's end.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "search/check_law.hpp"

namespace bncheck {

struct LawsToCheck {
  std::vector<const Law*> laws;
  /// What is left of the time until then is shared by the laws that are left. Absent: as the options say.
  std::optional<std::chrono::steady_clock::time_point> end{};
  /// Called before each law with the options that it will have: its stored cases, its number of cases.
  std::function<void(const Law&, CheckOptions&)> starts{};
  /// Takes the result of each law, and that of `ends_in_order` where something is wrong with the end.
  std::function<void(LawResult)> takes{};
  /// Called between the laws and the end, unless the subject was lost; says why it was lost meanwhile, or
  /// nothing.
  std::function<std::string()> then{};
};

/// Why the subject was lost, which ends the loop; empty where it was not. An interruption ends the loop, too,
/// and the subject is then not heard to its end. Hangs are counted over all laws.
std::string check_laws(const LawsToCheck& what, Subject& subject, CheckOptions options);

/// What is wrong with the subject's end, as a result of the law `ends_in_order`, with a case after which it
/// can be looked at again; nullopt where nothing is, or where the user would not wait.
std::optional<LawResult> check_end(Subject& subject, std::uint64_t seed);

}  // namespace bncheck
