#include "report/console.hpp"

#include <fmt/color.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "bncheck/ascii.hpp"
#include "bncheck/untrusted_text.hpp"
#include "report/accuracy.hpp"
#include "report/case_line.hpp"
#include "report/show_case.hpp"

namespace bncheck {
namespace {

/// The text in the colour of a verdict: `word` is that of verdict_word.
std::string painted(std::string_view word, const std::string& text, Style style) {
  if (!style.colours) return text;
  const auto is = [=](auto verdict) { return word == name_of(verdict); };
  const fmt::terminal_color colour = is(Verdict::Kind::holds) ? fmt::terminal_color::green
                                     : is(Rank::wrong) || is(Rank::inaccurate) || is(Verdict::Kind::died)
                                         ? fmt::terminal_color::red
                                     : is(Verdict::Kind::not_applicable) ? fmt::terminal_color::bright_black
                                                                         : fmt::terminal_color::yellow;
  return fmt::format(fg(colour), "{}", text);
}

bool measured(const LawResult& result) {
  return result.worst_ratio > 0 || result.worst_ulps > 0;
}

}  // namespace

std::string table_head() {
  return fmt::format("{:<36}{:<16}{:>7}{:>11}{:>13}{:>13}\n", "law", "verdict", "cases", "discarded",
                     "worst ulps", "worst ratio");
}

std::string table_row(const LawResult& result, Style style) {
  const std::string_view word = verdict_word(result);
  const std::string verdict = fmt::format("{:<16}", word);
  const auto measure = [&](double value) {
    return measured(result) && value > 0 ? show_measure(value) : "-";
  };
  std::string row =
      fmt::format("{:<36}{}{:>7}{:>11}{:>13}{:>13}", result.law->name, painted(word, verdict, style),
                  result.cases, result.discarded, measure(result.worst_ulps), measure(result.worst_ratio));
  const bool explained =
      result.kind == Verdict::Kind::not_applicable || result.kind == Verdict::Kind::inconclusive;
  if (explained) row += "  " + untrusted_line(result.reason);
  return row + "\n";
}

namespace {

std::string finding_head(const Finding& finding, Style style) {
  const LawResult& result = finding.result;
  const std::string_view word = verdict_word(result);
  return fmt::format("\n{}: {}\n  {}\n  {}\n", painted(word, std::string(word), style), result.law->name,
                     result.law->statement, reason_of(finding));
}

std::string replay_line(const Finding& finding, const std::string& subject, const Declaration& declared) {
  return finding.case_file.empty() ? ""
                                   : "replay: " + replay_command(finding.case_file, subject, declared) + "\n";
}

}  // namespace

std::string show_finding(const Finding& finding, const std::string& subject, const Declaration& declared,
                         Style style) {
  const LawResult& result = finding.result;
  std::string text = finding_head(finding, style);
  text += show_mismatches(*result.counterexample, result.verdict.mismatches);
  for (const auto& [title, content] : cases_of(result)) text += title + ":\n" + show_case(*content);
  return text + replay_line(finding, subject, declared);
}

std::string show_findings(const CheckReport& report, const Declaration& declared, Style style) {
  std::string text;
  std::set<std::string> seen;
  for (const Finding& finding : report.findings) {
    const LawResult& result = finding.result;
    if (!result.counterexample || result.known) continue;
    const bool again = finding.explanation && !seen.insert(finding.explanation->cause).second;
    text += again ? finding_head(finding, style) + replay_line(finding, report.subject, declared)
                  : show_finding(finding, report.subject, declared, style);
  }
  return text;
}

std::string replay_command(const std::string& file, const std::string& subject, const Declaration& declared) {
  const auto option = [](const char* name, const std::string& value) {
    return value.empty() ? std::string() : std::string(" ") + name + ' ' + shell_quoted(value);
  };
  return fmt::format("bncheck replay {} --subject {}{}", shell_quoted(file), shell_quoted(subject),
                     option("--dialect", declared.dialect) + option("--numerics", declared.numerics));
}

std::string coverage_table(const CheckReport& report, Style style) {
  const Coverage coverage = report.coverage();
  if (coverage.cases() == 0 && report.starved.empty()) return "";
  std::string text =
      fmt::format("\ncoverage of {} drawn {}:", coverage.cases(), coverage.cases() == 1 ? "case" : "cases");
  std::string_view group;
  for (std::size_t k = 0; k < coverage.counts().size(); ++k) {
    const CoverageClass& declared = coverage_classes()[k];
    text += declared.group == group ? ", " : fmt::format("\n  {:<11}", declared.group);
    text += fmt::format("{} {}", declared.name, coverage.counts()[k]);
    group = declared.group;
  }
  text += '\n';
  for (const CoverageClass& starved : report.starved) {
    text += painted(name_of(Verdict::Kind::inconclusive),
                    fmt::format("NEVER MET: {}: {}", starved.group, starved.name), style) +
            "\n";
  }
  return text;
}

namespace {

/// The case in one line that fits a terminal.
std::string short_line(const Case& c) {
  constexpr std::size_t longest = 240;
  const std::string line = show_case_line(c);
  return line.size() <= longest ? line : line.substr(0, longest) + " ...";
}

}  // namespace

std::string accuracy_lines(const CheckReport& report, const Declaration& declared) {
  return accuracy_table(report.accuracy, [&](Pass pass) {
    const Finding* finding = smallest_unsound(report.findings, pass);
    return finding == nullptr || finding->case_file.empty()
               ? std::string()
               : replay_command(finding->case_file, report.subject, declared);
  });
}

std::string climb_table(const CheckReport& report) {
  std::string text;
  for (const Finding& finding : report.findings) {
    const LawResult& result = finding.result;
    if (!result.climbed) continue;
    if (text.empty()) text = "\nworst ratios, drawn and climbed to:\n";
    text += fmt::format(
        "  {}: blind {}, climbed {}, {} evaluations: {}\n", result.law->name,
        show_measure(result.worst_cases.cases().front().ratio), show_measure(result.climbed->worst.ratio),
        result.climbed->evaluations,
        result.climbed->bad ? std::string(verdict_word(result)) : short_line(result.climbed->worst.content));
  }
  return text;
}

std::string slow_cases(const CheckReport& report) {
  std::string text;
  for (const Finding& finding : report.findings) {
    const std::optional<SlowCase> slow = finding.result.times.slow();
    if (!slow) continue;
    text +=
        fmt::format("SLOW: {}: a case took {:.3g} s, {:.0f} times the median: {}\n", finding.result.law->name,
                    slow->time.count(), slow->time / slow->median, short_line(slow->content));
  }
  return text;
}

std::string summary(const CheckReport& report, Style style) {
  const std::string subject = untrusted_line(report.subject, message_bytes);
  std::string text = "\n";
  for (const KnownFinding& finding : report.gone)
    text += fmt::format("gone: {}: {}: {}\n", finding.law, name_of(finding.rank),
                        untrusted_line(finding.signature));
  if (report.stored() > 0) {
    text += fmt::format("{} stored {} tried first", report.stored(), report.stored() == 1 ? "case" : "cases");
    if (report.held_again() > 0) {
      text += fmt::format("; {} that {} violated {} again", report.held_again(), subject,
                          report.held_again() == 1 ? "holds" : "hold");
    }
    text += '\n';
  }
  text += causes_lines(report.findings);
  text += fmt::format("{}: {} {}, {} {}, seed {}:", subject_title(report), report.findings.size(),
                      report.findings.size() == 1 ? "law" : "laws", report.cases(),
                      report.cases() == 1 ? "case" : "cases", report.seed);
  const char* separator = " ";
  for (const auto& [word, count] : verdict_counts(report.findings)) {
    text += separator + painted(word, show_count(word, count), style);
    separator = ", ";
  }
  if (!report.lost.empty()) text += " (the subject was lost)";
  text += report.interrupted ? " (interrupted)\n" : "\n";
  return text;
}

std::string causes_lines(const std::vector<Finding>& findings) {
  std::vector<std::pair<std::string, std::vector<std::string>>> causes;
  for (const Finding& finding : findings) {
    if (!finding.explanation) continue;
    const std::string& cause = finding.explanation->cause;
    auto at = std::ranges::find(causes, cause, &std::pair<std::string, std::vector<std::string>>::first);
    if (at == causes.end()) at = causes.insert(at, {cause, {}});
    at->second.push_back(finding.result.law->name);
  }
  std::string text;
  for (const auto& [cause, laws] : causes)
    text += fmt::format("{} explains {} {}: {}\n", cause, laws.size(),
                        laws.size() == 1 ? "finding" : "findings", fmt::join(laws, ", "));
  return text;
}

std::string shell_quoted(const std::string& word) {
  const bool plain = !word.empty() && std::ranges::all_of(word, [](char letter) {
    return is_letter_or_digit(letter) ||
           std::string_view("_-./:,=@%+").find(letter) != std::string_view::npos;
  });
  if (plain) return word;
  std::string quoted = "'";
  for (const char letter : word) quoted += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return quoted + "'";
}

}  // namespace bncheck
