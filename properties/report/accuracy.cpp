#include "report/accuracy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "report/case_line.hpp"
#include "report/json_values.hpp"
#include "report/show_case.hpp"

namespace bncheck {

using nlohmann::ordered_json;

std::string show_class(const ErrorFigures& figures) {
  const auto accuracy = accuracy_class(figures);
  return accuracy ? std::string(name_of(*accuracy)) : "not measured";
}

std::string show_share(const ErrorFigures& figures) {
  if (figures.elements == 0) return "-";
  const double percent = 100 * figures.share_nearest();
  if (figures.nearest == 0 || figures.nearest == figures.elements) return fmt::format("{:g} %", percent);
  return fmt::format("{:.2f} %", std::clamp(percent, 0.01, 99.99));
}

namespace {

/// "0", or the share with two digits: "0.012 %".
std::string show_part(std::int64_t part, std::int64_t whole) {
  return part == 0 ? "0"
                   : fmt::format("{:.2g} %", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

std::string accuracy_table(const std::map<Pass, PassErrors>& accuracy,
                           const std::function<std::string(Pass)>& replay) {
  std::string text;
  for (const auto& [pass, errors] : accuracy) {
    const ErrorFigures figures = errors.total();
    if (text.empty()) text = "\naccuracy, as measured:\n";
    text += fmt::format("  {:<19}{:<21}{} of {} values nearest, worst {} ulps, ratio {}", name_of(pass),
                        show_class(figures), show_share(figures), figures.elements,
                        show_measure(figures.worst_ulps), show_measure(figures.worst_ratio));
    if (figures.out_of_range > 0) {
      text += fmt::format(" ({} beyond the range left out, {} judged by no law)", figures.out_of_range,
                          show_part(figures.unjudged, figures.elements));
    }
    text += '\n';
    const std::string command =
        accuracy_class(figures) == AccuracyClass::unsound ? replay(pass) : std::string();
    if (!command.empty()) text += fmt::format("  {:<19}smallest case: {}\n", "", command);
  }
  return text;
}

ordered_json figures_json(const ErrorFigures& figures) {
  const auto accuracy = accuracy_class(figures);
  return {{"class", accuracy ? ordered_json(name_of(*accuracy)) : ordered_json()},
          {"elements", figures.elements},
          {"nearest", figures.nearest},
          {"out_of_range", figures.out_of_range},
          {"unjudged", figures.unjudged},
          {"worst_ulp", json_number(figures.worst_ulps)},
          {"worst_ratio", json_number(figures.worst_ratio)},
          {"worst_folded_ratio", json_number(figures.worst_folded_ratio)}};
}

namespace {

ordered_json histogram_json(const LogHistogram& histogram) {
  ordered_json bins = ordered_json::array();
  for (int k = LogHistogram::lowest; k <= LogHistogram::highest; ++k) {
    if (histogram.count(k) > 0) bins.push_back({k, histogram.count(k)});
  }
  return {{"zero", histogram.zeros()}, {"infinite", histogram.infinite()}, {"bins", std::move(bins)}};
}

ordered_json output_json(Output output, const OutputErrors& errors) {
  ordered_json json{{"output", name_of(output)}};
  json.update(figures_json(errors.figures));
  json["ulps"] = histogram_json(errors.ulps);
  json["ratio"] = histogram_json(errors.ratio);
  json["points"] = ordered_json::array();
  for (const ErrorPoint& point : errors.scatter.points()) {
    json["points"].push_back({point.condition, json_number(point.ulps), point.elements});
  }
  return json;
}

ordered_json worst_json(const WorstCase& worst) {
  return {{"case", show_case_line(worst.content)},
          {"outcome", show_mismatch_line(worst.worst)},
          {"ulps", json_number(worst.worst.error.ulps)},
          {"ratio", json_number(worst.worst.error.ratio)},
          {"condition", json_number(worst.condition)}};
}

}  // namespace

ordered_json accuracy_json(const std::map<Pass, PassErrors>& accuracy,
                           const std::function<std::string(Pass)>& smallest_case) {
  ordered_json passes = ordered_json::array();
  for (const auto& [pass, errors] : accuracy) {
    const ErrorFigures figures = errors.total();
    ordered_json json{{"pass", name_of(pass)}};
    json.update(figures_json(figures));
    const bool unsound = accuracy_class(figures) == AccuracyClass::unsound;
    json["smallest_case"] = json_text_or_null(unsound ? smallest_case(pass) : "");
    json["outputs"] = ordered_json::array();
    for (const auto& [output, of_output] : errors.outputs) {
      json["outputs"].push_back(output_json(output, of_output));
    }
    json["worst"] = ordered_json::array();
    for (const WorstCase& worst : errors.worst) json["worst"].push_back(worst_json(worst));
    passes.push_back(std::move(json));
  }
  return passes;
}

}  // namespace bncheck
