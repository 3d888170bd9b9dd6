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

namespace {

/// The numerics, and for each loss the laws that are kept only with it.
std::string show_numerics(const Diagnosis& diagnosis) {
  if (!diagnosis.numerics) return "";
  const NumericsDiagnosis& numerics = *diagnosis.numerics;
  std::string text = fmt::format("numerics: {}\n", text_of(numerics.numerics));
  for (const FoundLoss& loss : numerics.losses)
    text += fmt::format("  {} explains {}\n", loss.knobs, fmt::join(loss.laws, ", "));
  for (const std::string& law : numerics.violated)
    text += fmt::format("  with that too: {}\n", untrusted_line(law, message_bytes));
  return text;
}

/// What the subject declares in C and in Python.
std::string declarations(const Diagnosis& diagnosis) {
  const std::string dialect = text_of(diagnosis.dialect);
  const std::string numerics = diagnosis.numerics ? text_of(diagnosis.numerics->numerics) : "";
  std::string c = fmt::format("c->dialect = \"{}\";", dialect);
  std::string python = fmt::format("dialect=\"{}\"", dialect);
  if (!numerics.empty()) {
    c += fmt::format(" c->numerics = \"{}\";", numerics);
    python += fmt::format(", numerics=\"{}\"", numerics);
  }
  return fmt::format("in C:      {}\nin Python: {}\n", c, python);
}

std::string options_of(const Diagnosis& diagnosis) {
  std::string options = " --dialect " + text_of(diagnosis.dialect);
  if (diagnosis.numerics && !diagnosis.numerics->losses.empty())
    options += " --numerics " + text_of(diagnosis.numerics->numerics);
  return options;
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
  if (diagnosis.rests_on_few()) {
    text += fmt::format("only {} of {} experiments were answered: what follows is a guess\n", diagnosis.asked,
                        diagnosis.posed);
  }
  const Dialect& dialect = diagnosis.dialect;
  const int apart = knobs_apart(dialect, *dialect_named(dialect.name));
  text +=
      fmt::format("nearest preset: {}, {}\n", dialect.name,
                  apart == 0 ? "which it is" : fmt::format("{} knob{} apart", apart, apart == 1 ? "" : "s"));
  return text + show_numerics(diagnosis) + declarations(diagnosis) +
         fmt::format("bncheck check {}{}\n", shell_quoted(subject), options_of(diagnosis));
}

namespace {

ordered_json numerics_of(const Diagnosis& diagnosis) {
  if (!diagnosis.numerics) return nullptr;
  ordered_json losses = ordered_json::array();
  for (const FoundLoss& loss : diagnosis.numerics->losses)
    losses.push_back({{"knobs", loss.knobs}, {"laws", loss.laws}});
  ordered_json violated = ordered_json::array();
  for (const std::string& law : diagnosis.numerics->violated)
    violated.push_back(untrusted_line(law, message_bytes));
  return {{"declare", text_of(diagnosis.numerics->numerics)},
          {"losses", std::move(losses)},
          {"violated", std::move(violated)}};
}

}  // namespace

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
                          {"experiments", {{"posed", diagnosis.posed}, {"answered", diagnosis.asked}}},
                          {"explained", !lost && diagnosis.unexplained.empty()},
                          {"unexplained", std::move(unexplained)},
                          {"knobs", std::move(knobs)},
                          {"numerics", numerics_of(diagnosis)}};
  return json_text(json);
}

}  // namespace bncheck
