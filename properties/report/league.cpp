#include "report/league.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bncheck/untrusted_text.hpp"
#include "report/accuracy.hpp"
#include "report/console.hpp"
#include "report/show_case.hpp"

namespace bncheck {

int Contestant::count(Verdict::Kind kind) const {
  return static_cast<int>(
      std::ranges::count_if(laws, [=](const Finding& finding) { return finding.result.kind == kind; }));
}

int Contestant::count(Rank rank) const {
  return static_cast<int>(std::ranges::count_if(laws, [=](const Finding& finding) {
    return finding.result.counterexample && finding.result.rank == rank;
  }));
}

int Contestant::violations() const {
  return count(Rank::wrong) + count(Rank::inaccurate);
}

ErrorFigures Contestant::figures() const {
  return measured ? measured->statistics.total() : ErrorFigures();
}

ErrorFigures Contestant::figures(Pass pass) const {
  if (!measured) return {};
  const auto found = measured->statistics.passes().find(pass);
  return found == measured->statistics.passes().end() ? ErrorFigures() : found->second.total();
}

const Measurement* find_row(const Contestant& contestant, const Workload& workload, Output output) {
  const auto found = std::ranges::find_if(contestant.measured->rows, [&](const Measurement& row) {
    return row.workload == &workload && row.output == output;
  });
  return found == contestant.measured->rows.end() ? nullptr : &*found;
}

std::vector<const Contestant*> players(const League& league) {
  std::vector<const Contestant*> players;
  for (const Contestant& contestant : league.contestants) {
    if (contestant.measured) players.push_back(&contestant);
  }
  return players;
}

std::vector<Output> outputs_of(const League& league, const Workload& workload) {
  std::vector<Output> outputs;
  for (const Contestant* contestant : players(league)) {
    for (const Measurement& row : contestant->measured->rows) {
      const bool known = std::ranges::find(outputs, row.output) != outputs.end();
      if (row.workload == &workload && !known) outputs.push_back(row.output);
    }
  }
  std::ranges::sort(outputs);
  return outputs;
}

std::string show_not_asked(const Measured& measured) {
  return fmt::format("hung in case after case and was not asked {} more", measured.not_asked);
}

std::string show_lost(const Contestant& contestant) {
  return "was lost: " + untrusted_line(contestant.lost, message_bytes);
}

std::string show_unmeasured(const Unmeasured& unmeasured) {
  return fmt::format("{}, {}, case {}: {}", name_of(unmeasured.workload->pass), unmeasured.workload->regime,
                     unmeasured.index, untrusted_line(unmeasured.reason));
}

std::string show_laws(const Contestant& contestant) {
  if (contestant.laws.empty()) return "-";
  std::string text =
      fmt::format("{} hold, {} violated, {} not applicable", contestant.count(Verdict::Kind::holds),
                  contestant.violations(), contestant.count(Verdict::Kind::not_applicable));
  for (const auto& [word, count] : verdict_counts(contestant.laws)) {
    const std::optional<Rank> rank = rank_named(word);
    if ((rank && is_mild(*rank)) || word == name_of(Verdict::Kind::inconclusive))
      text += ", " + show_count(word, count);
  }
  return text;
}

namespace {

/// Name cut at its start: the ends of two commands differ more often.
std::string shortened(const std::string& name, std::size_t width) {
  const std::string line = untrusted_line(name, message_bytes);
  if (line.size() <= width) return line;
  std::size_t begin = line.size() - width + 3;
  while ((static_cast<unsigned char>(line[begin]) & 0xc0) == 0x80) ++begin;  // within a character
  return "..." + line.substr(begin);
}

/// Name of the subject as on the command line, made safe to show.
std::string shown_name(const Contestant& c) {
  return untrusted_line(c.name, message_bytes);
}
std::string short_name(const Contestant& c) {
  return shortened(c.name, 40);
}

std::string short_version(const Contestant& c) {
  constexpr std::size_t longest = 60;
  return untrusted_line(c.version, longest);
}

/// Width of a column with this text for each contestant.
template <class Text>
std::size_t column_width(const League& league, std::size_t least, const Text& text) {
  std::size_t width = least;
  for (const Contestant& c : league.contestants) width = std::max(width, text(c).size());
  return width + 2;
}

/// Width of the first column.
std::size_t name_width(const League& league) {
  return column_width(league, 8, short_name);
}

std::string summary_rows(const League& league) {
  const std::size_t width = name_width(league);
  const std::size_t versions = column_width(league, 8, short_version);
  const std::size_t laws = column_width(league, 8, show_laws);
  std::string text = fmt::format("{:<{}}{:<{}}{:<{}}{:>9}{:>12}{:>13}\n", "subject", width, "version",
                                 versions, "laws", laws, "nearest", "worst ulps", "worst ratio");
  for (const Contestant& c : league.contestants) {
    if (!c.skipped.empty()) {
      text +=
          fmt::format("{:<{}}skipped: {}\n", short_name(c), width, untrusted_line(c.skipped, message_bytes));
      continue;
    }
    const ErrorFigures figures = c.figures();
    text += fmt::format("{:<{}}{:<{}}{:<{}}{:>9}{:>12}{:>13}\n", short_name(c), width, short_version(c),
                        versions, show_laws(c), laws, show_share(figures), show_measure(figures.worst_ulps),
                        show_measure(figures.worst_ratio));
  }
  return text;
}

std::string class_rows(const League& league) {
  const std::size_t width = name_width(league);
  std::string text = fmt::format("{:<{}}", "accuracy", width);
  for (const Pass pass : all_passes) text += fmt::format("{:<22}", name_of(pass));
  text += '\n';
  for (const Contestant* c : players(league)) {
    text += fmt::format("{:<{}}", short_name(*c), width);
    for (const Pass pass : all_passes) text += fmt::format("{:<22}", show_class(c->figures(pass)));
    text += '\n';
  }
  return text;
}

/// Number of cases, and the first few of them.
std::string show_list(const Contestant& c, const char* what, const std::vector<Unmeasured>& list) {
  constexpr std::size_t shown = 3;
  if (list.empty()) return "";
  std::string text =
      fmt::format("{} {} in {} of {} cases:\n", shown_name(c), what, list.size(), c.measured->cases);
  for (std::size_t k = 0; k < std::min(shown, list.size()); ++k)
    text += "  " + show_unmeasured(list[k]) + "\n";
  return text;
}

std::string violated_lines(const Contestant& c) {
  std::string text;
  for (const Finding& finding : c.laws) {
    const LawResult& result = finding.result;
    if (!result.counterexample) continue;
    if (text.empty()) text = fmt::format("{} {} violates:\n", shown_name(c), short_version(c));
    text += fmt::format("  {:<34}{:<12}", result.law->name, verdict_word(result));
    text += finding.case_file.empty() ? untrusted_line(result.reason)
                                      : replay_command(finding.case_file, c.name, {});
    text += '\n';
  }
  return text + causes_lines(c.laws);
}

std::string unsound_lines(const Contestant& c) {
  std::string text;
  for (const Pass pass : all_passes) {
    if (accuracy_class(c.figures(pass)) != AccuracyClass::unsound) continue;
    const Finding* finding = smallest_unsound(c.laws, pass);
    if (finding == nullptr || finding->case_file.empty()) continue;
    text += fmt::format("{} is unsound in {}; the smallest case found: {}\n", shown_name(c), name_of(pass),
                        replay_command(finding->case_file, c.name, {}));
  }
  return text;
}

std::string show_row(const Measurement* row) {
  if (row == nullptr || row->figures.elements == 0) return fmt::format("{:>10}{:>11}{:>11}", "-", "-", "-");
  return fmt::format("{:>10}{:>11}{:>11}", show_share(row->figures), show_measure(row->figures.worst_ulps),
                     show_measure(row->figures.worst_ratio));
}

/// Table for some subjects side by side, as many as fit a terminal.
std::string detail_block(const League& league, const std::vector<const Contestant*>& some) {
  std::string text = fmt::format("\n{:<19}{:<21}{:<13}", "pass", "regime", "output");
  for (const Contestant* c : some)
    text += fmt::format("  {:>30}", shortened(c->name + " " + short_version(*c), 30));
  text += fmt::format("\n{:<53}", "");
  for (std::size_t k = 0; k < some.size(); ++k)
    text += fmt::format("{:>10}{:>11}{:>11}", "nearest", "ulps", "ratio");
  text += '\n';
  for (const Workload& workload : all_workloads()) {
    for (const Output output : outputs_of(league, workload)) {
      text += fmt::format("{:<19}{:<21}{:<13}", name_of(workload.pass), workload.regime, name_of(output));
      for (const Contestant* c : some) text += show_row(find_row(*c, workload, output));
      text += '\n';
    }
  }
  return text;
}

}  // namespace

std::string league_table(const League& league) {
  std::string text = summary_rows(league) + "\n" + class_rows(league);
  std::string remarks;
  for (const Contestant* c : players(league)) {
    remarks += show_list(*c, "died", c->measured->deaths) + show_list(*c, "failed", c->measured->failures);
    if (c->measured->unsupported > 0) {
      remarks += fmt::format("{} does not support {} of {} cases\n", shown_name(*c), c->measured->unsupported,
                             c->measured->cases);
    }
    if (c->measured->not_asked > 0) remarks += shown_name(*c) + " " + show_not_asked(*c->measured) + "\n";
    if (!c->lost.empty()) remarks += shown_name(*c) + " " + show_lost(*c) + "\n";
    remarks += violated_lines(*c) + unsound_lines(*c);
  }
  if (!remarks.empty()) text += "\n" + remarks;
  constexpr std::size_t abreast = 3;
  const std::vector<const Contestant*> all = players(league);
  for (std::size_t k = 0; k < all.size(); k += abreast) {
    text +=
        detail_block(league, {all.begin() + static_cast<std::ptrdiff_t>(k),
                              all.begin() + static_cast<std::ptrdiff_t>(std::min(k + abreast, all.size()))});
  }
  text += fmt::format("\n{} cases per pass and regime, {} per law, seed {}{}\n", league.cases,
                      league.law_cases, league.seed, league.interrupted ? " (interrupted)" : "");
  return text;
}

}  // namespace bncheck
