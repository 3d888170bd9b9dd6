#pragma once
/// What the exact judge saw, for a terminal and for programs.

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "search/error_statistics.hpp"

namespace bncheck {

/// "correctly rounded", ..., or "not measured" where there is nothing to measure.
std::string show_class(const ErrorFigures& figures);
/// "99.9 %": not rounded up to 100 where one is missing, nor down to 0.
std::string show_share(const ErrorFigures& figures);

/// A line per pass: its class, and the figures that it follows from. Of an unsound pass `replay` gives a
/// command for the smallest case; it may be empty.
std::string accuracy_table(const std::map<Pass, PassErrors>& accuracy,
                           const std::function<std::string(Pass)>& replay);

/// {"class": name or null, "elements", "nearest", "out_of_range", "worst_ulp", "worst_ratio",
/// "worst_folded_ratio"}
nlohmann::ordered_json figures_json(const ErrorFigures& figures);

/// [{"pass", ...figures, "smallest_case", "outputs": [{"output", ...figures, "ulps": HISTOGRAM, "ratio":
/// HISTOGRAM, "points": [[condition, ulps, elements that it stands for]]}],
/// "worst": [{"case", "outcome", "ulps", "ratio", "condition"}]}],
/// HISTOGRAM {"zero", "infinite", "bins": [[k, elements in [2^k, 2^(k+1))]]}. Histograms and points are of
/// elements within float's range. `smallest_case` gives a file's name; it may be empty.
nlohmann::ordered_json accuracy_json(const std::map<Pass, PassErrors>& accuracy,
                                     const std::function<std::string(Pass)>& smallest_case);

}  // namespace bncheck
