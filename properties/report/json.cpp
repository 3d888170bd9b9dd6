#include "report/json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "report/case_line.hpp"

namespace bncheck {
namespace {

using nlohmann::ordered_json;

ordered_json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

ordered_json text_or_null(const std::string& text) {
  return text.empty() ? ordered_json() : ordered_json(text);
}

ordered_json climbed_of(const LawResult& result) {
  if (!result.climbed) return {};
  return {{"evaluations", result.climbed->evaluations}, {"worst_ratio", number(result.climbed->worst.ratio)}};
}

ordered_json slow_of(const LawResult& result) {
  const std::optional<SlowCase> slow = result.times.slow();
  if (!slow) return {};
  return {{"seconds", slow->time.count()},
          {"median_seconds", slow->median.count()},
          {"case", show_case_line(slow->content)}};
}

}  // namespace

std::string to_json(const CheckReport& report) {
  ordered_json laws = ordered_json::array();
  for (const Finding& finding : report.findings) {
    const LawResult& result = finding.result;
    laws.push_back({{"name", result.law->name},
                    {"verdict", name_of(result.kind)},
                    {"cases", result.cases},
                    {"discarded", result.discarded},
                    {"reason", text_or_null(result.reason)},
                    {"worst_ulp", number(result.worst_ulps)},
                    {"worst_ratio", number(result.worst_ratio)},
                    {"climbed", climbed_of(result)},
                    {"slow", slow_of(result)},
                    {"case_file", text_or_null(finding.case_file)}});
  }
  const Coverage coverage = report.coverage();
  ordered_json classes = ordered_json::object();
  for (std::size_t k = 0; k < coverage.counts().size(); ++k) {
    const CoverageClass& declared = coverage_classes()[k];
    classes[std::string(declared.group)][std::string(declared.name)] = coverage.counts()[k];
  }
  const ordered_json json{{"schema", 1},
                          {"subject", report.subject},
                          {"version", report.version},
                          {"dialect", report.dialect},
                          {"seed", report.seed},
                          {"cases", report.cases()},
                          {"violations", report.violations()},
                          {"stored", {{"tried", report.stored()}, {"hold_again", report.held_again()}}},
                          {"coverage", std::move(classes)},
                          {"interrupted", report.interrupted},
                          {"laws", std::move(laws)}};
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace bncheck
