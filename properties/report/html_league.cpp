#include <fmt/format.h>

#include "bncheck/untrusted_text.hpp"
#include "report/accuracy.hpp"
#include "report/environment.hpp"
#include "report/html_accuracy.hpp"
#include "report/html_findings.hpp"
#include "report/html_page.hpp"
#include "report/html_report.hpp"
#include "report/markup.hpp"
#include "report/show_case.hpp"

namespace bncheck {
namespace {

std::string section_id(std::size_t index) {
  return fmt::format("subject-{}", index + 1);
}

std::string summary(const League& league) {
  HtmlTable table{
      "laws and worst errors", {"subject", "version", "laws", "nearest", "worst ulps", "worst ratio"}, {}, 3};
  for (std::size_t k = 0; k < league.contestants.size(); ++k) {
    const Contestant& c = league.contestants[k];
    const ErrorFigures figures = c.figures();
    if (!c.measured) {
      table.html.push_back({markup(c.name), markup(untrusted_line(c.version)),
                            "skipped: " + markup(untrusted_line(c.skipped, message_bytes)), "-", "-", "-"});
      continue;
    }
    table.html.push_back({html_link(section_id(k), c.name), markup(untrusted_line(c.version)), show_laws(c),
                          show_share(figures), show_measure(figures.worst_ulps),
                          show_measure(figures.worst_ratio)});
  }
  return html_table(table);
}

std::string classes(const League& league) {
  HtmlTable table{"accuracy class of each pass", {"subject"}, {}, all_passes.size() + 1};
  for (const Pass pass : all_passes) table.head_html.emplace_back(name_of(pass));
  for (const Contestant* c : players(league)) {
    std::vector<std::string> row{markup(c->name)};
    for (const Pass pass : all_passes) row.push_back(html_class(c->figures(pass)));
    table.html.push_back(std::move(row));
  }
  return html_table(table);
}

std::string details(const League& league) {
  HtmlTable table{"share of nearest floats, worst ulps, worst ratio", {"pass, values, output"}, {}, 1};
  for (const Contestant* c : players(league)) table.head_html.push_back(markup(c->name));
  for (const Workload& workload : all_workloads()) {
    for (const Output output : outputs_of(league, workload)) {
      std::vector<std::string> row{
          markup(fmt::format("{}, {}, {}", name_of(workload.pass), workload.regime, name_of(output)))};
      for (const Contestant* c : players(league)) {
        const Measurement* at = find_row(*c, workload, output);
        row.push_back(at == nullptr ? "-"
                                    : fmt::format("{} · {} · {}", show_share(at->figures),
                                                  show_measure(at->figures.worst_ulps),
                                                  show_measure(at->figures.worst_ratio)));
      }
      table.html.push_back(std::move(row));
    }
  }
  return html_table(table);
}

std::string unmeasured(const std::string& what, const std::vector<Unmeasured>& list) {
  constexpr std::size_t shown = 20;
  if (list.empty()) return "";
  std::string items;
  for (std::size_t k = 0; k < std::min(shown, list.size()); ++k) {
    items += "<li>" + markup(show_unmeasured(list[k])) + "</li>\n";
  }
  return html_folded(fmt::format("{} cases that it {}", list.size(), what), "<ul>\n" + items + "</ul>\n");
}

std::string subject_section(const Contestant& c, const std::string& prefix) {
  const AccuracyOwner owner{prefix, c.name};
  const auto& accuracy = c.measured->statistics.passes();
  const std::string not_asked =
      c.measured->not_asked > 0 ? "<p>" + markup("It " + show_not_asked(*c.measured) + ".") + "</p>\n" : "";
  const std::string lost = c.lost.empty() ? "" : "<p>" + markup("It " + show_lost(c)) + "</p>\n";
  return html_classes(accuracy) + not_asked + lost + unmeasured("died of", c.measured->deaths) +
         unmeasured("failed in", c.measured->failures) + html_findings(prefix, c.laws, c.name, {}) +
         (c.laws.empty() ? "" : html_folded("laws", html_laws(prefix, c.laws))) +
         html_folded("errors", html_charts(owner, accuracy)) +
         html_folded("worst cases", html_worst_cases(owner, accuracy));
}

std::string facts_of(const League& league) {
  std::vector<std::pair<std::string, std::string>> facts{
      {"made by", league.command},
      {"seed", std::to_string(league.seed)},
      {"cases per pass and regime", std::to_string(league.cases)},
      {"cases per law", std::to_string(league.law_cases)}};
  for (auto& fact : environment_facts(league.bncheck_version)) facts.push_back(std::move(fact));
  return html_facts(facts);
}

}  // namespace

std::string league_html(const League& league) {
  std::vector<PageSection> sections{{"summary", "Summary", summary(league)},
                                    {"classes", "Accuracy", classes(league)}};
  for (std::size_t k = 0; k < league.contestants.size(); ++k) {
    const Contestant& c = league.contestants[k];
    if (!c.measured) continue;
    sections.push_back(
        {section_id(k), with_version(c.name, c.version), subject_section(c, section_id(k) + "-")});
  }
  sections.push_back({"details", "Pass by pass", html_folded("all figures", details(league))});
  sections.push_back({"environment", "Environment", facts_of(league)});
  return html_page("bncheck: implementations side by side",
                   fmt::format("{} subjects, the same cases to each{}", players(league).size(),
                               league.interrupted ? " (interrupted)" : ""),
                   sections);
}

}  // namespace bncheck
