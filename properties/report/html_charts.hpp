#pragma once
/// Charts as inline SVG, each with a title and a description for who does not see it.

#include <string>
#include <vector>

#include "search/error_statistics.hpp"

namespace bncheck {

struct ChartText {
  std::string id;     ///< of the chart; unique on the page
  std::string title;  ///< what is shown
  std::string unit;   ///< of the error: "ulps" or "ratio"
};

/// Elements by the power of two of their error, both axes logarithmic.
std::string svg_histogram(const ChartText& text, const LogHistogram& histogram);

/// A point that leads to a case on the page.
struct LinkedPoint {
  double condition = 0, ulps = 0;
  std::string id;     ///< of the case
  std::string title;  ///< text for pointers and screen readers
};

/// Errors against the condition of the data, both axes logarithmic: a circle (class "point") for each point,
/// the larger the more elements it stands for, and a ring for each linked one that has a place.
std::string svg_scatter(const ChartText& text, const std::vector<ErrorPoint>& points,
                        const std::vector<LinkedPoint>& linked);

}  // namespace bncheck
