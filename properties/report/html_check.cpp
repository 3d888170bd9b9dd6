#include <fmt/format.h>

#include "report/console.hpp"
#include "report/environment.hpp"
#include "report/html_accuracy.hpp"
#include "report/html_findings.hpp"
#include "report/html_page.hpp"
#include "report/html_report.hpp"
#include "report/markup.hpp"

namespace bncheck {
namespace {

std::string verdict_of(const CheckReport& report) {
  const Verdict::Kind kind = report.failures() > 0                           ? Verdict::Kind::violated
                             : report.inconclusive() || !report.lost.empty() ? Verdict::Kind::inconclusive
                                                                             : Verdict::Kind::holds;
  std::string text = html_verdict(name_of(kind)) + " ";
  text += report.failures() > 0 ? fmt::format("{} of {} laws", report.failures(), report.findings.size())
                                : fmt::format("{} laws on {} cases", report.findings.size(), report.cases());
  for (const auto& [word, count] : verdict_counts(report.findings)) {
    if (rank_named(word) || word == name_of(Verdict::Kind::died)) text += ", " + show_count(word, count);
  }
  if (!report.lost.empty()) text += " (" + markup(report.lost) + ")";
  return text + (report.interrupted ? " (interrupted)" : "");
}

std::string facts_of(const CheckReport& report, const std::string& version) {
  std::vector<std::pair<std::string, std::string>> facts{
      {"subject", subject_title(report)},
      {"dialect", report.dialect},
      {"numerics", report.numerics},
      {"seed", std::to_string(report.seed)},
      {"cases", std::to_string(report.cases())},
      {"stored cases tried first", std::to_string(report.stored())}};
  for (auto& fact : environment_facts(version)) facts.push_back(std::move(fact));
  return html_facts(facts);
}

std::string coverage_of(const CheckReport& report) {
  const Coverage coverage = report.coverage();
  HtmlTable table{"drawn cases of each class", {"class", "cases"}, {}, 1};
  for (std::size_t k = 0; k < coverage.counts().size(); ++k) {
    const CoverageClass& declared = coverage_classes()[k];
    table.html.push_back(
        {markup(fmt::format("{}: {}", declared.group, declared.name)), std::to_string(coverage.counts()[k])});
  }
  std::string starved;
  for (const CoverageClass& none : report.starved) {
    starved +=
        fmt::format("<p>{} never met: {}: {}</p>\n", html_verdict(name_of(Verdict::Kind::inconclusive)),
                    markup(none.group), markup(none.name));
  }
  return starved + html_folded("classes of cases", html_table(table));
}

}  // namespace

std::string check_html(const CheckReport& report, const Declaration& declared, const std::string& version) {
  const AccuracyOwner owner{"", report.subject, declared};
  return html_page(
      "bncheck: " + subject_title(report), verdict_of(report),
      {{"accuracy", "Accuracy", html_classes(report.accuracy)},
       {"violations", "Violations", html_findings("", report.findings, report.subject, declared)},
       {"laws", "Laws", html_laws("", report.findings)},
       {"errors", "Errors", html_charts(owner, report.accuracy)},
       {"cases", "Worst cases", html_worst_cases(owner, report.accuracy)},
       {"coverage", "Coverage", coverage_of(report)},
       {"environment", "Environment", facts_of(report, version)}});
}

}  // namespace bncheck
