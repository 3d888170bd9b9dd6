#include "report/json.hpp"

#include "bncheck/untrusted_text.hpp"
#include "report/accuracy.hpp"
#include "report/case_line.hpp"
#include "report/json_values.hpp"

namespace bncheck {
namespace {

using nlohmann::ordered_json;

ordered_json climbed_of(const LawResult& result) {
  if (!result.climbed) return {};
  return {{"evaluations", result.climbed->evaluations},
          {"worst_ratio", json_number(result.climbed->worst.ratio)}};
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
    laws.push_back(
        {{"name", result.law->name},
         {"verdict", name_of(result.kind)},
         {"rank", json_text_or_null(result.counterexample ? std::string(name_of(result.rank)) : "")},
         {"known", result.known},
         {"after_cases", result.before.size()},
         {"cases", result.cases},
         {"discarded", result.discarded},
         {"reason", json_text_or_null(untrusted_line(result.reason, message_bytes))},
         {"worst_ulp", json_number(result.worst_ulps)},
         {"worst_ratio", json_number(result.worst_ratio)},
         {"climbed", climbed_of(result)},
         {"slow", slow_of(result)},
         {"explained_by", json_text_or_null(finding.explanation ? finding.explanation->cause : "")},
         {"case_file", json_text_or_null(finding.case_file)}});
  }
  const Coverage coverage = report.coverage();
  ordered_json classes = ordered_json::object();
  for (std::size_t k = 0; k < coverage.counts().size(); ++k) {
    const CoverageClass& declared = coverage_classes()[k];
    classes[std::string(declared.group)][std::string(declared.name)] = coverage.counts()[k];
  }
  ordered_json gone = ordered_json::array();
  for (const KnownFinding& finding : report.gone)
    gone.push_back({{"law", finding.law}, {"rank", name_of(finding.rank)}, {"signature", finding.signature}});
  const auto smallest_case = [&](Pass pass) {
    const Finding* finding = smallest_unsound(report.findings, pass);
    return finding == nullptr ? std::string() : finding->case_file;
  };
  const ordered_json json{{"schema", 2},
                          {"subject", report.subject},
                          {"version", untrusted_line(report.version)},
                          {"dialect", report.dialect},
                          {"numerics", report.numerics},
                          {"seed", report.seed},
                          {"cases", report.cases()},
                          {"violations", report.violations()},
                          {"failures", report.failures()},
                          {"gone", std::move(gone)},
                          {"stored", {{"tried", report.stored()}, {"hold_again", report.held_again()}}},
                          {"coverage", std::move(classes)},
                          {"accuracy", accuracy_json(report.accuracy, smallest_case)},
                          {"interrupted", report.interrupted},
                          {"lost", json_text_or_null(report.lost)},
                          {"laws", std::move(laws)}};
  return json_text(json);
}

}  // namespace bncheck
