#pragma once
/// Edge of a limit: the size of an input from which on a subject loses its results.

#include <functional>
#include <optional>
#include <string>

#include "bncheck/case.hpp"
#include "bncheck/dialect.hpp"

namespace bncheck {

/// One input of a case, times a factor while all else stays: with `right` as its size the results are right, with
/// `lost` they are not.
struct LimitEdge {
  std::string size;  ///< "max |x - mu|", "max |weight|": the size that is given
  double right = 0, lost = 0;
};
/// "lost from max |x - mu| = 1.31e+19 on (right at 1.3e+19)".
std::string show(const LimitEdge& edge);

/// Whether the results of a case are right; nullopt if that cannot be said.
using IsRight = std::function<std::optional<bool>(const Case&)>;

/// Edge of the limit that the case shows: for the first of its inputs for which there is one, x and dy before the
/// tensors of the state. The search halves the interval between the case and the one whose input has its largest element
/// between 1 and 2, and ends with two factors that differ by less than 1 %, or where `is_right` has no answer. nullopt where
/// no input alone leads back to right results. `axes`: what shares a mean.
std::optional<LimitEdge> limit_edge(const Case& lost, Axes axes, const IsRight& is_right);

}  // namespace bncheck
