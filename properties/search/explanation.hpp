#pragma once
/// Explanations of a finding: what the subject would have to declare for it to be none.

#include <functional>
#include <string>
#include <vector>

#include "core/law.hpp"
#include "core/rank.hpp"

namespace bncheck {

struct Explanation {
  std::string cause;   ///< "summation=naive", "running_var=population", "a one-pass variance"
  std::string option;  ///< "--numerics summation=naive"; empty for what cannot be declared

  bool operator==(const Explanation&) const = default;
};
/// "explained by summation=naive (--numerics summation=naive)".
std::string show(const Explanation& explanation);

/// Declarations with each of which the counterexample holds. An inaccurate result may have a loss of accuracy as its
/// reason, the smaller first; any other one a knob of the dialect, or a loss that changes the numbers themselves, with
/// which the case as it was drawn holds too: a small case has too few numbers to tell knobs apart. None for a limit,
/// which has its own reason. Ends early where `is_over`. `history` takes the cases that the subject runs; null: nothing
/// does. Throws SubjectUnavailable, Interrupted.
std::vector<Explanation> explanations_of(const Law& law, const Case& counterexample, const Case& drawn,
                                         Rank rank, Subject& subject, History* history,
                                         const std::function<bool()>& is_over);

/// For each finding one of its explanations: the causes that explain the most findings between them. nullptr for a
/// finding without any, and for one that several knobs of the dialect explain and no other finding tells apart.
std::vector<const Explanation*> fewest_causes(
    const std::vector<const std::vector<Explanation>*>& explanations);

}  // namespace bncheck
