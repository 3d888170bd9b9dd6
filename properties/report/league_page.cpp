#include <fmt/format.h>

#include "bncheck/untrusted_text.hpp"
#include "report/accuracy.hpp"
#include "report/league.hpp"
#include "report/markdown.hpp"
#include "report/show_case.hpp"

namespace bncheck {
namespace {

std::string show_versions(const Contestant& c) {
  return markdown_cell(c.name) + " | " + markdown_cell(untrusted_line(c.version));
}

std::string figures_table(const League& league) {
  std::string text =
      "| subject | version | laws | nearest | worst ulps | worst ratio |\n|---|---|---|---|---|---|\n";
  for (const Contestant& c : league.contestants) {
    if (!c.skipped.empty()) {
      text += fmt::format("| {} | skipped: {} | | | |\n", show_versions(c), markdown_cell(c.skipped));
      continue;
    }
    const ErrorFigures figures = c.figures();
    text += fmt::format("| {} | {} | {} | {} | {} |\n", show_versions(c), show_laws(c), show_share(figures),
                        show_measure(figures.worst_ulps), show_measure(figures.worst_ratio));
  }
  return text;
}

/// "sound, 98.1 % nearest, ratio 0.7"
std::string show_pass(const ErrorFigures& figures) {
  if (figures.elements == 0) return "not measured";
  return fmt::format("{}, {} nearest, ratio {}", show_class(figures), show_share(figures),
                     show_measure(figures.worst_ratio));
}

std::string class_table(const League& league) {
  std::string text = "| subject |";
  for (const Pass pass : all_passes) text += fmt::format(" {} |", name_of(pass));
  text += "\n|---|---|---|---|---|\n";
  for (const Contestant* c : players(league)) {
    text += "| " + markdown_cell(c->name) + " |";
    for (const Pass pass : all_passes) text += " " + show_pass(c->figures(pass)) + " |";
    text += "\n";
  }
  return text;
}

std::string violated_laws(const Contestant& c) {
  std::string names;
  for (const Finding& finding : c.laws) {
    if (finding.result.counterexample) {
      names += (names.empty() ? "" : ", ") + markdown_cell(finding.result.law->name) + " (" +
               std::string(verdict_word(finding.result)) + ")";
    }
  }
  return names;
}

std::string remarks(const League& league) {
  std::string text;
  for (const Contestant* c : players(league)) {
    const std::string name = markdown_cell(c->name);
    const Measured& measured = *c->measured;
    if (const std::string laws = violated_laws(*c); !laws.empty()) {
      text += fmt::format("- {} violates: {}.\n", name, laws);
    }
    if (!measured.deaths.empty()) {
      text += fmt::format("- {} died in {} of {} cases, the first: {}\n", name, measured.deaths.size(),
                          measured.cases, markdown_cell(show_unmeasured(measured.deaths.front())));
    }
    if (!measured.failures.empty()) {
      text += fmt::format("- {} failed in {} of {} cases, the first: {}\n", name, measured.failures.size(),
                          measured.cases, markdown_cell(show_unmeasured(measured.failures.front())));
    }
    if (measured.unsupported > 0) {
      text +=
          fmt::format("- {} does not support {} of {} cases.\n", name, measured.unsupported, measured.cases);
    }
    if (measured.not_asked > 0) text += fmt::format("- {} {}.\n", name, show_not_asked(measured));
    if (!c->lost.empty()) text += fmt::format("- {} {}\n", name, markdown_cell(show_lost(*c)));
  }
  return text;
}

}  // namespace

std::string league_page(const League& league) {
  std::string text =
      fmt::format("Made by `{}` (bncheck {}): the same {} cases per pass and regime of values to each, ",
                  untrusted_line(league.command, message_bytes), league.bncheck_version, league.cases);
  text += league.law_cases > 0 ? fmt::format("{} cases per law, ", league.law_cases) : "";
  text += fmt::format("seed {}{}.\n\n", league.seed, league.interrupted ? ", interrupted" : "");
  text += figures_table(league) + "\n" + class_table(league);
  const std::string more = remarks(league);
  return more.empty() ? text : text + "\n" + more;
}

}  // namespace bncheck
