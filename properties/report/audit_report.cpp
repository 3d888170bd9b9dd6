#include "report/audit_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "report/case_line.hpp"
#include "report/markdown.hpp"

namespace bncheck {
namespace {

std::string show_median(double median) {
  return fmt::format("{:g}", median);
}

std::string fault_row(const AuditResult& result, std::size_t f) {
  const auto quickest = quickest_law(result, f);
  return fmt::format(
      "{:<40}{:>3}{:>9}{:>9}{:>6}  {:<36}{:>7}\n", result.plan.faults[f].name, result.plan.faults[f].row,
      fmt::format("{}/{}", detected_seeds(result, f), result.options.seeds),
      fmt::format("{}/{}", detected_seeds(result, f, Counted::without_exact), result.options.seeds),
      sure_laws(result, f).size(), quickest ? result.plan.laws[*quickest]->name : "-",
      quickest ? show_median(result.faults[f][*quickest].median()) : "-");
}

std::string shrunk_line(const AuditReport& report, std::size_t f) {
  const ShrunkCase& shrunk = report.shrunk[f];
  const std::string& name = report.result.plan.faults[f].name;
  if (!shrunk.content) return fmt::format("{}: no case found\n", name);
  const CaseExtent size = extent(*shrunk.content);
  return fmt::format("{}: {}, {} channels, {} values per channel, {:.1f} s: {} -> {}\n", name,
                     shrunk.law->name, size.channels, size.values, shrunk.seconds,
                     show_case_line(*shrunk.content), show_verdict_line(shrunk.verdict));
}

std::size_t small_cases(const AuditReport& report) {
  return static_cast<std::size_t>(std::ranges::count_if(
      report.shrunk, [](const ShrunkCase& shrunk) { return shrunk.content && is_small(*shrunk.content); }));
}

/// Reasons why the audit fails, one line each.
std::string complaints(const AuditResult& result) {
  std::string text;
  for (std::size_t f = 0; f < result.plan.faults.size(); ++f) {
    const int seeds = detected_seeds(result, f);
    if (seeds == result.options.seeds) continue;
    const char* what = !is_reached(result, f)     ? "NOT REACHED"
                       : !is_triggered(result, f) ? "NEVER TRIGGERED"
                       : seeds == 0               ? "TRIGGERED BUT UNDETECTED"
                                                  : "MISSED";
    text += fmt::format("{}: fault:{} detected from {} of {} seeds\n", what, result.plan.faults[f].name,
                        seeds, result.options.seeds);
  }
  for (const Alarm& alarm : first_alarms(result)) {
    text += fmt::format("ALARM: control:{} accused by {}: {}\n  {}\n", alarm.subject, alarm.law->name,
                        alarm.message, show_case_line(alarm.content));
  }
  return text;
}

std::string scores(const AuditResult& result) {
  if (result.plan.faults.empty()) return "";
  return fmt::format(
      "score {:.3f} ({} faults, detected from every one of {} seeds); without the laws that know "
      "the exact answer {:.3f}\n",
      score(result), result.plan.faults.size(), result.options.seeds, score(result, Counted::without_exact));
}

struct Row {
  std::string name;
  ControlCell sum;
};
std::vector<Row> control_rows(const AuditResult& result) {
  std::vector<Row> rows;
  if (!result.plan.faults.empty()) rows.push_back({"reference", total(result.reference)});
  for (std::size_t k = 0; k < result.plan.controls.size(); ++k) {
    rows.push_back({result.plan.controls[k].name, total(result.controls[k])});
  }
  return rows;
}

std::string names_of(const AuditResult& result, const std::vector<std::size_t>& faults) {
  std::string text;
  for (const std::size_t f : faults) text += (text.empty() ? "" : ", ") + result.plan.faults[f].name;
  return text;
}

std::string page_matrix(const AuditResult& result) {
  std::string text = "| fault | row | detected | without oracle | quickest law | median cases |";
  for (std::size_t law = 0; law < result.plan.laws.size(); ++law) text += fmt::format(" {} |", law + 1);
  text += "\n|---|---|---|---|---|---|";
  for (std::size_t law = 0; law < result.plan.laws.size(); ++law) text += "---|";
  text += "\n";
  for (std::size_t f = 0; f < result.plan.faults.size(); ++f) {
    const auto quickest = quickest_law(result, f);
    text += fmt::format("| {} | {} | {} | {} | {} | {} |", markdown_cell(result.plan.faults[f].name),
                        result.plan.faults[f].row, detected_seeds(result, f),
                        detected_seeds(result, f, Counted::without_exact),
                        quickest ? std::to_string(*quickest + 1) : "",
                        quickest ? show_median(result.faults[f][*quickest].median()) : "");
    for (const AuditCell& cell : result.faults[f]) {
      text += cell.detected() > 0 ? fmt::format(" {} |", cell.detected()) : " |";
    }
    text += "\n";
  }
  return text;
}

std::string page_faults(const AuditResult& result) {
  std::string text = "\n## Faults and laws\n\n";
  text += fmt::format(
      "A cell is the number of seeds, of {}, from which the law detected the fault; empty: none. "
      "Laws have the numbers of the list below. The quickest law is the one that detects the "
      "fault from most seeds and, of those, has the smallest median of cases to the first "
      "detection; the median is over the seeds that detected.\n\n",
      result.options.seeds);
  return text + page_matrix(result);
}

bool applies(const AuditResult& result, std::size_t law) {
  return std::ranges::any_of(result.faults,
                             [&](const std::vector<AuditCell>& cells) { return cells[law].reached; });
}

std::string page_laws(const AuditResult& result) {
  std::string text =
      "\n## Laws\n\nFaults that a law detects from every seed, those of them that no other law does, and why "
      "the "
      "law stays where others tell its faults too.\n\n"
      "| # | law | knows the exact answer | faults | alone | why it stays |\n|---|---|---|---|---|---|\n";
  for (std::size_t law = 0; law < result.plan.laws.size(); ++law) {
    const std::string count =
        applies(result, law) ? std::to_string(kills(result, law).size()) : "applies to no variant";
    const LawTraits& traits = result.plan.laws[law]->traits;
    text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", law + 1,
                        markdown_cell(result.plan.laws[law]->name), traits.exact ? "yes" : "", count,
                        markdown_cell(names_of(result, sole_kills(result, law))),
                        markdown_cell(traits.rationale));
  }
  return text;
}

std::string page_controls(const AuditResult& result) {
  std::string text = "\n## Right implementations\n\n| control | cases | alarms |\n|---|---|---|\n";
  std::int64_t cases = 0;
  for (const Row& row : control_rows(result)) {
    text += fmt::format("| {} | {} | {} |\n", markdown_cell(row.name), row.sum.cases, row.sum.alarms);
    cases += row.sum.cases;
  }
  return text + fmt::format("| all | {} | {} |\n", cases, alarms(result));
}

std::string page_shrunk(const AuditReport& report) {
  if (report.shrunk.empty()) return "";
  std::string text = fmt::format(
      "\n## The smallest case found of each fault\n\n{} of {} have at most 2 channels "
      "and 8 values per channel.\n\n| fault | law | channels | values | s | case | "
      "outcome |\n|---|---|---|---|---|---|---|\n",
      small_cases(report), report.shrunk.size());
  for (std::size_t f = 0; f < report.shrunk.size(); ++f) {
    const ShrunkCase& shrunk = report.shrunk[f];
    if (!shrunk.content) {
      text +=
          fmt::format("| {} | | | | | none found | |\n", markdown_cell(report.result.plan.faults[f].name));
      continue;
    }
    const CaseExtent size = extent(*shrunk.content);
    text += fmt::format(
        "| {} | {} | {} | {} | {:.1f} | {} | {} |\n", markdown_cell(report.result.plan.faults[f].name),
        markdown_cell(shrunk.law->name), size.channels, size.values, shrunk.seconds,
        markdown_cell(show_case_line(*shrunk.content)), markdown_cell(show_verdict_line(shrunk.verdict)));
  }
  return text;
}

}  // namespace

std::string audit_table(const AuditReport& report) {
  const AuditResult& result = report.result;
  std::string text;
  if (!result.plan.faults.empty()) {
    text += fmt::format("{:<40}{:>3}{:>9}{:>9}{:>6}  {:<36}{:>7}\n", "fault", "row", "detected", "no oracle",
                        "laws", "quickest law", "median");
    for (std::size_t f = 0; f < result.plan.faults.size(); ++f) text += fault_row(result, f);
    text += "\n";
  }
  text += fmt::format("{:<40}{:>12}{:>9}\n", "control", "cases", "alarms");
  for (const Row& row : control_rows(result)) {
    text += fmt::format("{:<40}{:>12}{:>9}\n", row.name, row.sum.cases, row.sum.alarms);
  }
  text += "\n";
  for (std::size_t f = 0; f < report.shrunk.size(); ++f) text += shrunk_line(report, f);
  if (!report.shrunk.empty()) {
    text += fmt::format("{} of {} shrunk cases have at most 2 channels and 8 values per channel\n\n",
                        small_cases(report), report.shrunk.size());
  }
  text += complaints(result);
  return text + scores(result) + (result.interrupted ? "interrupted: the figures are incomplete\n" : "");
}

std::string audit_page(const AuditReport& report) {
  const AuditResult& result = report.result;
  std::string text = "# How strong the laws are\n\n";
  text += fmt::format("Made by `{}` (bncheck {}), seeds {} to {}.\n\n", report.command, report.version,
                      result.options.seed,
                      result.options.seed + static_cast<std::uint64_t>(result.options.seeds) - 1);
  text += scores(result);
  const std::string wrong = complaints(result);
  if (!wrong.empty()) text += "\n```\n" + wrong + "```\n";
  if (!result.plan.faults.empty()) text += page_faults(result) + page_laws(result);
  return text + page_controls(result) + page_shrunk(report);
}

}  // namespace bncheck
