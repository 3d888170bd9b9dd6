#include "report/html_findings.hpp"

#include <fmt/format.h>

#include "bncheck/untrusted_text.hpp"
#include "report/console.hpp"
#include "report/html_page.hpp"
#include "report/markup.hpp"
#include "report/show_case.hpp"

namespace bncheck {
namespace {

std::string law_cell(const std::string& prefix, const Finding& finding) {
  const LawResult& result = finding.result;
  const std::string name = result.counterexample ? html_link(finding_id(prefix, finding), result.law->name)
                                                 : markup(result.law->name);
  std::string html = name + "<span class=\"soft\">" + markup(result.law->statement) + "</span>";
  const bool explained =
      result.kind == Verdict::Kind::not_applicable || result.kind == Verdict::Kind::inconclusive;
  if (explained) html += "<span class=\"soft\">" + markup(untrusted_line(result.reason)) + "</span>";
  return html;
}

std::string measure_or_dash(double value) {
  return value > 0 ? show_measure(value) : "-";
}

}  // namespace

std::string html_verdict(std::string_view word) {
  const auto is = [=](auto verdict) { return word == name_of(verdict); };
  const std::optional<Rank> rank = rank_named(word);
  const bool mild = is(Verdict::Kind::inconclusive) || (rank && is_mild(*rank));
  const char* style = is(Verdict::Kind::holds)            ? "holds"
                      : is(Verdict::Kind::not_applicable) ? "soft"
                      : mild                              ? "inconclusive"
                                                          : "violated";
  return fmt::format("<span class=\"{}\">{}</span>", style, word);
}

std::string finding_id(const std::string& prefix, const Finding& finding) {
  return html_id(prefix + "law-" + finding.result.law->name);
}

std::string html_laws(const std::string& prefix, const std::vector<Finding>& findings) {
  HtmlTable table{"verdicts of the laws",
                  {"law", "verdict", "cases", "discarded", "worst ulps", "worst ratio"},
                  {},
                  2,
                  "laws"};
  for (const Finding& finding : findings) {
    const LawResult& result = finding.result;
    table.html.push_back({law_cell(prefix, finding), html_verdict(verdict_word(result)),
                          std::to_string(result.cases), std::to_string(result.discarded),
                          measure_or_dash(result.worst_ulps), measure_or_dash(result.worst_ratio)});
  }
  return html_table(table);
}

std::string html_findings(const std::string& prefix, const std::vector<Finding>& findings,
                          const std::string& subject, const Declaration& declared) {
  std::string html;
  for (const Finding& finding : findings) {
    const LawResult& result = finding.result;
    if (!result.counterexample) continue;
    html +=
        fmt::format("<article id=\"{}\">\n<h3>{} {}</h3>\n<p>{}</p>\n<p>{}</p>\n",
                    finding_id(prefix, finding), markup(result.law->name), html_verdict(verdict_word(result)),
                    markup(result.law->statement), markup(reason_of(finding)));
    const std::string mismatches = show_mismatches(*result.counterexample, result.verdict.mismatches);
    if (!mismatches.empty()) html += html_pre(mismatches);
    if (!finding.case_file.empty()) html += html_replay(replay_command(finding.case_file, subject, declared));
    for (const auto& [title, content] : cases_of(result))
      html += html_folded(title, html_pre(show_case(*content)), true);
    html += "</article>\n";
  }
  return html;
}

}  // namespace bncheck
