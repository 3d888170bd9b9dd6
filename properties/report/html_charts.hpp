#pragma once
/// Charts as inline SVG, each with a title and a description for readers who do not see it.

#include <string>
#include <vector>

#include "search/error_statistics.hpp"

namespace bncheck {

struct ChartText {
  std::string id;     ///< id of the chart; unique on the page
  std::string title;  ///< title of the chart
  std::string unit;   ///< unit of the error: "ulps" or "ratio"
};

/// Histogram of elements by the power of two of their error; both axes are logarithmic.
std::string svg_histogram(const ChartText& text, const LogHistogram& histogram);

/// Point with a link to a case on the page.
struct LinkedPoint {
  double condition = 0, ulps = 0;
  std::string id;     ///< id of the case's article
  std::string title;  ///< text for pointers and screen readers
};

/// Errors against the condition of the data; both axes are logarithmic. Each point is a circle (class
/// "point"), larger for more elements; each linked point with a place is a ring.
std::string svg_scatter(const ChartText& text, const std::vector<ErrorPoint>& points,
                        const std::vector<LinkedPoint>& linked);

}  // namespace bncheck
