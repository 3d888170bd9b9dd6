#include <fmt/format.h>

#include "report/case_line.hpp"
#include "report/environment.hpp"
#include "report/html_findings.hpp"
#include "report/html_page.hpp"
#include "report/html_report.hpp"
#include "report/markup.hpp"

namespace bncheck {
namespace {

std::string fault_id(const AuditReport& report, std::size_t fault) {
  return "fault-" + report.result.plan.faults[fault].name;
}
std::string law_id(const AuditReport& report, std::size_t law) {
  return "law-" + report.result.plan.laws[law]->name;
}

std::string verdict_of(const AuditReport& report) {
  const AuditResult& result = report.result;
  const bool clean = is_clean(result);
  std::string text =
      clean ? "<span class=\"holds\">clean</span>" : "<span class=\"violated\">not clean</span>";
  if (!result.plan.faults.empty()) {
    text += fmt::format(" score {:.3f} of {} faults; without the laws that know the exact answer {:.3f};",
                        score(result), result.plan.faults.size(), score(result, Counted::without_exact));
  }
  return text + fmt::format(" {} alarms{}", alarms(result), result.interrupted ? " (interrupted)" : "");
}

/// Cell of the matrix; it is darker for more seeds.
std::string heat(const AuditReport& report, std::size_t fault, std::size_t law) {
  const AuditCell& cell = report.result.faults[fault][law];
  if (cell.detected() == 0) return "";
  const double share = static_cast<double>(cell.detected()) / report.result.options.seeds;
  return fmt::format("<span class=\"heat-{:.0f}\" title=\"{} by {}: {} seeds\">{}</span>", share * 10,
                     markup(report.result.plan.faults[fault].name),
                     markup(report.result.plan.laws[law]->name), cell.detected(), cell.detected());
}

std::string matrix(const AuditReport& report) {
  const AuditResult& result = report.result;
  HtmlTable table{
      fmt::format("seeds, of {}, from which the law of a column tells the fault of a row; empty: none",
                  result.options.seeds),
      {"fault"},
      {},
      1,
      "heat"};
  for (std::size_t law = 0; law < result.plan.laws.size(); ++law) {
    table.head_html.push_back(fmt::format("<a href=\"#{}\" title=\"{}\">{}</a>", html_id(law_id(report, law)),
                                          markup(result.plan.laws[law]->name), law + 1));
  }
  for (std::size_t f = 0; f < result.plan.faults.size(); ++f) {
    const std::string& name = result.plan.faults[f].name;
    std::vector<std::string> row{report.shrunk.empty() ? markup(name) : html_link(fault_id(report, f), name)};
    for (std::size_t law = 0; law < result.plan.laws.size(); ++law) row.push_back(heat(report, f, law));
    table.html.push_back(std::move(row));
  }
  return html_table(table);
}

std::string laws(const AuditReport& report) {
  const AuditResult& result = report.result;
  HtmlTable table{"faults that each law tells from every seed, and those that no other law does",
                  {"law", "knows the exact answer", "faults", "alone"},
                  {},
                  2};
  for (std::size_t law = 0; law < result.plan.laws.size(); ++law) {
    const Law& one = *result.plan.laws[law];
    table.html.push_back(
        {fmt::format(
             "<span id=\"{}\">{}. {}</span><span class=\"soft\">{}</span><span class=\"soft\">{}</span>",
             html_id(law_id(report, law)), law + 1, markup(one.name), markup(one.statement),
             markup(one.traits.rationale)),
         one.traits.exact ? "yes" : "", std::to_string(kills(result, law).size()),
         std::to_string(sole_kills(result, law).size())});
  }
  return html_table(table);
}

std::string controls(const AuditReport& report) {
  const AuditResult& result = report.result;
  HtmlTable table{
      "right implementations, none of which may be accused", {"control", "cases", "alarms"}, {}, 1};
  const auto add = [&](const std::string& name, const std::vector<ControlCell>& cells) {
    const ControlCell sum = total(cells);
    table.html.push_back({markup(name), std::to_string(sum.cases), std::to_string(sum.alarms)});
  };
  if (!result.plan.faults.empty()) add("reference", result.reference);
  for (std::size_t k = 0; k < result.plan.controls.size(); ++k) {
    add(result.plan.controls[k].name, result.controls[k]);
  }
  std::string html = html_table(table);
  for (const Alarm& alarm : first_alarms(result)) {
    html += fmt::format("<p>{} accused by {}: {}</p>\n", markup(alarm.subject), markup(alarm.law->name),
                        markup(alarm.message)) +
            html_pre(show_case_line(alarm.content));
  }
  return html;
}

std::string shrunk_cases(const AuditReport& report) {
  std::string html;
  for (std::size_t f = 0; f < report.shrunk.size(); ++f) {
    const ShrunkCase& shrunk = report.shrunk[f];
    const AuditSubject& fault = report.result.plan.faults[f];
    html += fmt::format("<article id=\"{}\">\n<h3>{}</h3>\n<p class=\"soft\">{}</p>\n",
                        html_id(fault_id(report, f)), markup(fault.name), markup(fault.source));
    if (!shrunk.content) {
      html += "<p>no case found</p>\n</article>\n";
      continue;
    }
    html += fmt::format("<p>detected by {}: {}</p>\n", markup(shrunk.law->name),
                        markup(show_verdict_line(shrunk.verdict))) +
            html_pre(show_case_line(*shrunk.content)) + "</article>\n";
  }
  return html;
}

std::string facts_of(const AuditReport& report) {
  const AuditOptions& options = report.result.options;
  std::vector<std::pair<std::string, std::string>> facts{
      {"made by", report.command},
      {"first seed", std::to_string(options.seed)},
      {"seeds", std::to_string(options.seeds)},
      {"cases per law and seed", std::to_string(options.cases)},
      {"cases per law and control", std::to_string(options.control_cases)}};
  for (auto& fact : environment_facts(report.version)) facts.push_back(std::move(fact));
  return html_facts(facts);
}

}  // namespace

std::string audit_html(const AuditReport& report) {
  const bool faults = !report.result.plan.faults.empty();
  return html_page("bncheck: how strong the laws are", verdict_of(report),
                   {{"matrix", "Faults and laws", faults ? matrix(report) : ""},
                    {"laws", "Laws", faults ? laws(report) : ""},
                    {"controls", "Right implementations", controls(report)},
                    {"shrunk", "Smallest cases", shrunk_cases(report)},
                    {"environment", "Environment", facts_of(report)}});
}

}  // namespace bncheck
