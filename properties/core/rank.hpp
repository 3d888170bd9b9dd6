#pragma once
/// Ranks of violations: what a violation means to the user of the subject.

#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string_view>

#include "core/law.hpp"

namespace bncheck {

/// From the worst to the mildest.
enum class Rank {
  wrong,       ///< no formula that is right in exact arithmetic gives this result, or the subject misbehaves
  inaccurate,  ///< the result of a right formula that loses more than the subject's claim allows
  limit,  ///< right within the exponent range of the arithmetic, and lost where an intermediate result leaves it
  lax,  ///< a call that must fail is carried out
};
inline constexpr std::array all_ranks{Rank::wrong, Rank::inaccurate, Rank::limit, Rank::lax};
/// Ranks that fail a check unless the user asks for others: a limit and a lax check are what most float32 kernels have.
inline const std::set<Rank> usual_failures{Rank::wrong, Rank::inaccurate};
/// Whether the rank is none of these.
inline bool is_mild(Rank rank) {
  return !usual_failures.contains(rank);
}
std::string_view name_of(Rank rank);
std::optional<Rank> rank_named(std::string_view name);

/// Numerics of the least accurate formulas that are right in exact arithmetic: running sums, a variance E[x²] − μ²,
/// and y = α·x + β′. What exceeds their bound is wrong, not inaccurate.
Numerics least_accurate(Numerics numerics);

/// Rank of a bad verdict, which `again` gives again with the runner. A verdict about numbers is ranked by the elements of
/// all runs that this makes, of the outputs that it names if it names some: by the worst of those that miss the subject's
/// claim. Throws SubjectUnavailable and
/// Interrupted.
Rank rank_of(const Verdict& verdict, Runner& runner, const std::function<Verdict()>& again);
/// The same of a verdict of `check_case(law, c, runner)`.
Rank rank_of(const Verdict& verdict, const Law& law, const Case& c, Runner& runner);

}  // namespace bncheck
