#pragma once
/// Results of the exact judge for one subject, on a page.

#include <map>
#include <string>

#include "search/error_statistics.hpp"

namespace bncheck {

/// Subject of the errors. `prefix` starts the ids, so that several subjects fit on a page.
struct AccuracyOwner {
  std::string prefix, subject;
  Declaration declared{};
};

/// The accuracy class in words and in a colour.
std::string html_class(const ErrorFigures& figures);
/// Table with a row per pass: class and figures. Empty if nothing was measured.
std::string html_classes(const std::map<Pass, PassErrors>& accuracy);
/// Charts per pass and output: histograms of ulps and ratio, and errors against the condition of the data.
/// Rings there are links to the articles of `html_worst_cases`.
std::string html_charts(const AccuracyOwner& owner, const std::map<Pass, PassErrors>& accuracy);
/// One article per case: its worst element, its values, the case file and the line that replays it.
std::string html_worst_cases(const AccuracyOwner& owner, const std::map<Pass, PassErrors>& accuracy);

}  // namespace bncheck
