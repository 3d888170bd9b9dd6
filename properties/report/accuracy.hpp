#pragma once
/// Results of the exact judge, for a terminal and for programs.

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "search/error_statistics.hpp"

namespace bncheck {

/// Name of the class: "correctly rounded", ..., or "not measured" without measured elements.
std::string show_class(const ErrorFigures& figures);
/// Share of correctly rounded elements: "99.9 %", never rounded up to 100 or down to 0.
std::string show_share(const ErrorFigures& figures);

/// Table with a line per pass: its class and the figures that decide it. For an unsound pass, `replay` gives
/// the command for its smallest case; it may be empty.
std::string accuracy_table(const std::map<Pass, PassErrors>& accuracy,
                           const std::function<std::string(Pass)>& replay);

/// {"class": name or null, "elements", "nearest", "out_of_range", "unjudged", "worst_ulp", "worst_ratio",
/// "worst_folded_ratio"}
nlohmann::ordered_json figures_json(const ErrorFigures& figures);

/// [{"pass", ...figures, "smallest_case", "outputs": [{"output", ...figures, "ulps": HISTOGRAM, "ratio":
/// HISTOGRAM, "points": [[condition, ulps, number of elements that it represents]]}], "worst": [{"case",
/// "outcome", "ulps", "ratio", "condition"}]}], HISTOGRAM {"zero", "infinite", "bins": [[k, elements in [2^k,
/// 2^(k+1))]]}. Histograms and points contain only elements whose intermediate results stay in range.
/// `smallest_case` gives the name of a file; it may be empty.
nlohmann::ordered_json accuracy_json(const std::map<Pass, PassErrors>& accuracy,
                                     const std::function<std::string(Pass)>& smallest_case);

}  // namespace bncheck
