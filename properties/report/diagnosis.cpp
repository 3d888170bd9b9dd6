#include "report/diagnosis.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "bncheck/untrusted_text.hpp"
#include "report/json_values.hpp"

namespace bncheck {
namespace {

using nlohmann::ordered_json;

/// Text of an alternative: "none gives 32, got 25".
std::string show(const Alternative& alternative) {
  if (!alternative.remark.empty()) return fmt::format("{}: {}", alternative.value, alternative.remark);
  return fmt::format("{} gives {}, got {}", alternative.value, alternative.wanted, alternative.got);
}

std::string show(const Evidence& evidence) {
  std::vector<std::string> alternatives;
  for (const Alternative& alternative : evidence.alternatives) alternatives.push_back(show(alternative));
  return fmt::format("{}: {}{}", evidence.asks, evidence.place.empty() ? "" : evidence.place + ": ",
                     fmt::join(alternatives, "; "));
}

std::string show_row(const KnobFinding& finding) {
  std::string why = finding.identified() ? "" : "not identifiable: " + finding.reason;
  if (finding.evidence) why += (why.empty() ? "" : "; ") + show(*finding.evidence);
  const std::string values = fmt::format("{}", fmt::join(finding.values, "|"));
  return fmt::format("{:<16} {:<24} {}\n", finding.knob, values, untrusted_line(why, message_bytes));
}

ordered_json number(float value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

ordered_json evidence_of(const KnobFinding& finding) {
  if (!finding.evidence) return nullptr;
  ordered_json alternatives = ordered_json::array();
  for (const Alternative& alternative : finding.evidence->alternatives) {
    ordered_json json{{"value", alternative.value}, {"explains", alternative.explains}};
    if (alternative.remark.empty()) {
      json["gives"] = number(alternative.wanted);
      json["got"] = number(alternative.got);
    } else {
      json["remark"] = untrusted_line(alternative.remark, message_bytes);
    }
    alternatives.push_back(std::move(json));
  }
  return {{"asks", finding.evidence->asks},
          {"place", finding.evidence->place},
          {"alternatives", std::move(alternatives)}};
}

}  // namespace

std::string show_diagnosis(const Diagnosis& diagnosis, const std::string& subject, Style style) {
  std::string text = fmt::format("{:<16} {:<24} {}\n", "knob", "found", "evidence");
  for (const KnobFinding& finding : diagnosis.knobs) text += show_row(finding);
  text += "\n";
  for (const std::string& unexplained : diagnosis.unexplained) {
    text += fmt::format("{}no dialect explains{}: {}\n", style.colours ? "\033[31m" : "",
                        style.colours ? "\033[0m" : "", untrusted_line(unexplained, message_bytes));
  }
  const Dialect& dialect = diagnosis.dialect;
  const int apart = knobs_apart(dialect, *dialect_named(dialect.name));
  text +=
      fmt::format("nearest preset: {}, {}\n", dialect.name,
                  apart == 0 ? "which it is" : fmt::format("{} knob{} apart", apart, apart == 1 ? "" : "s"));
  text += fmt::format("bncheck check {} --dialect {}\n", shell_quoted(subject), text_of(dialect));
  return text;
}

std::string to_json(const Diagnosis& diagnosis, const std::string& subject, const std::string& version) {
  ordered_json knobs = ordered_json::object();
  for (const KnobFinding& finding : diagnosis.knobs) {
    knobs[finding.knob] = {{"found", finding.values},
                           {"identified", finding.identified()},
                           {"reason", json_text_or_null(untrusted_line(finding.reason, message_bytes))},
                           {"evidence", evidence_of(finding)}};
  }
  ordered_json unexplained = ordered_json::array();
  for (const std::string& one : diagnosis.unexplained)
    unexplained.push_back(untrusted_line(one, message_bytes));
  const bool lost = !diagnosis.lost.empty();
  const ordered_json json{{"schema", 2},
                          {"subject", subject},
                          {"version", untrusted_line(version)},
                          {"lost", json_text_or_null(untrusted_line(diagnosis.lost, message_bytes))},
                          {"dialect", json_text_or_null(lost ? "" : text_of(diagnosis.dialect))},
                          {"nearest", json_text_or_null(lost ? "" : diagnosis.dialect.name)},
                          {"explained", !lost && diagnosis.unexplained.empty()},
                          {"unexplained", std::move(unexplained)},
                          {"knobs", std::move(knobs)}};
  return json_text(json);
}

}  // namespace bncheck
