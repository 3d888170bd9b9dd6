#include "report/junit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bncheck/untrusted_text.hpp"
#include "report/console.hpp"
#include "report/markup.hpp"

namespace bncheck {
namespace {

bool is_skipped(const Finding& finding) {
  return finding.result.kind == Verdict::Kind::not_applicable ||
         finding.result.kind == Verdict::Kind::inconclusive;
}

std::string test_case(const CheckReport& report, const Finding& finding, const Declaration& declared) {
  const LawResult& result = finding.result;
  std::string content;
  if (result.counterexample && !report.fails(finding)) {
    content = fmt::format("    <system-out>{}</system-out>\n",
                          markup(show_finding(finding, report.subject, declared, {})));
  } else if (result.counterexample) {
    content =
        fmt::format("    <failure type=\"{}\" message=\"{}\">{}</failure>\n", verdict_word(result),
                    markup(reason_of(finding)), markup(show_finding(finding, report.subject, declared, {})));
  } else if (is_skipped(finding)) {
    content = fmt::format("    <skipped message=\"{}: {}\"/>\n", name_of(result.kind),
                          markup(untrusted_line(result.reason, message_bytes)));
  }
  return fmt::format("  <testcase classname=\"{}\" name=\"{}\">\n{}  </testcase>\n",
                     markup("bncheck." + report.subject), markup(result.law->name), content);
}

}  // namespace

std::string to_junit(const CheckReport& report, const Declaration& declared) {
  std::string cases;
  for (const Finding& finding : report.findings) cases += test_case(report, finding, declared);
  if (!report.lost.empty()) {
    cases += fmt::format(
        "  <testcase classname=\"{}\" name=\"the subject can be run\">\n    <error message=\"{}\"/>\n"
        "  </testcase>\n",
        markup("bncheck." + report.subject), markup(untrusted_line(report.lost, message_bytes)));
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n"
      "  <properties>\n"
      "    <property name=\"dialect\" value=\"{}\"/>\n"
      "    <property name=\"numerics\" value=\"{}\"/>\n"
      "    <property name=\"seed\" value=\"{}\"/>\n"
      "  </properties>\n{}</testsuite>\n",
      markup("bncheck " + subject_title(report)), report.findings.size() + (report.lost.empty() ? 0 : 1),
      report.failures(), report.lost.empty() ? 0 : 1, std::ranges::count_if(report.findings, is_skipped),
      markup(report.dialect), markup(report.numerics), report.seed, cases);
}

}  // namespace bncheck
