#include "bncheck/untrusted_text.hpp"
#include "report/accuracy.hpp"
#include "report/json_values.hpp"
#include "report/league.hpp"

namespace bncheck {

using nlohmann::ordered_json;

namespace {

ordered_json unmeasured_json(const std::vector<Unmeasured>& list) {
  constexpr std::size_t shown = 20;
  ordered_json first = ordered_json::array();
  for (const Unmeasured& one : list) {
    if (first.size() == shown) break;
    first.push_back({{"pass", name_of(one.workload->pass)},
                     {"regime", one.workload->regime},
                     {"case", one.index},
                     {"reason", untrusted_line(one.reason, message_bytes)}});
  }
  return {{"cases", list.size()}, {"first", std::move(first)}};
}

ordered_json laws_json(const Contestant& c) {
  if (c.laws.empty()) return nullptr;
  return {{"hold", c.count(Verdict::Kind::holds)},
          {"violated", c.violations()},
          {"limits", c.count(Rank::limit)},
          {"lax", c.count(Rank::lax)},
          {"not_applicable", c.count(Verdict::Kind::not_applicable)},
          {"inconclusive", c.count(Verdict::Kind::inconclusive)}};
}

ordered_json violations_json(const Contestant& c) {
  ordered_json violations = ordered_json::array();
  for (const Finding& finding : c.laws) {
    if (!finding.result.counterexample) continue;
    violations.push_back({{"law", finding.result.law->name},
                          {"rank", name_of(finding.result.rank)},
                          {"reason", untrusted_line(finding.result.reason, message_bytes)},
                          {"case_file", json_text_or_null(finding.case_file)}});
  }
  return violations;
}

ordered_json rows_json(const Measured& measured) {
  ordered_json rows = ordered_json::array();
  for (const Measurement& row : measured.rows) {
    ordered_json json{{"pass", name_of(row.workload->pass)},
                      {"regime", row.workload->regime},
                      {"output", name_of(row.output)}};
    json.update(figures_json(row.figures));
    rows.push_back(std::move(json));
  }
  return rows;
}

ordered_json contestant_json(const Contestant& c) {
  ordered_json json{{"name", c.name},
                    {"version", untrusted_line(c.version)},
                    {"skipped", json_text_or_null(untrusted_line(c.skipped, message_bytes))}};
  if (!c.measured) return json;
  json["cases"] = c.measured->cases;
  json["laws"] = laws_json(c);
  json["violations"] = violations_json(c);
  json.update(figures_json(c.figures()));
  json["accuracy"] = accuracy_json(c.measured->statistics.passes(), [&](Pass pass) {
    const Finding* finding = smallest_unsound(c.laws, pass);
    return finding == nullptr ? std::string() : finding->case_file;
  });
  json["deaths"] = unmeasured_json(c.measured->deaths);
  json["failures"] = unmeasured_json(c.measured->failures);
  json["unsupported"] = c.measured->unsupported;
  json["not_asked"] = c.measured->not_asked;
  json["lost"] = json_text_or_null(untrusted_line(c.lost, message_bytes));
  json["rows"] = rows_json(*c.measured);
  return json;
}

}  // namespace

std::string league_json(const League& league) {
  ordered_json subjects = ordered_json::array();
  for (const Contestant& c : league.contestants) subjects.push_back(contestant_json(c));
  return json_text({{"schema", 2},
                    {"seed", league.seed},
                    {"cases", league.cases},
                    {"law_cases", league.law_cases},
                    {"interrupted", league.interrupted},
                    {"subjects", std::move(subjects)}});
}

}  // namespace bncheck
