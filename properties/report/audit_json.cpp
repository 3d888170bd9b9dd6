#include <cmath>
#include <nlohmann/json.hpp>

#include "report/audit_report.hpp"
#include "report/case_line.hpp"

namespace bncheck {
namespace {

using nlohmann::ordered_json;

ordered_json shrunk_json(const ShrunkCase& shrunk) {
  if (!shrunk.content) return nullptr;
  const CaseExtent size = extent(*shrunk.content);
  return {{"law", shrunk.law->name},
          {"case", show_case_line(*shrunk.content)},
          {"message", show_verdict_line(shrunk.verdict)},
          {"channels", size.channels},
          {"values_per_channel", size.values},
          {"seconds", std::round(shrunk.seconds * 1000) / 1000}};
}

ordered_json fault_json(const AuditReport& report, std::size_t f) {
  const AuditResult& result = report.result;
  const AuditSubject& fault = result.plan.faults[f];
  const auto quickest = quickest_law(result, f);
  ordered_json laws = ordered_json::array();
  for (const std::size_t law : sure_laws(result, f)) laws.push_back(result.plan.laws[law]->name);
  ordered_json counts = ordered_json::object();
  for (std::size_t law = 0; law < result.plan.laws.size(); ++law) {
    if (const int seeds = result.faults[f][law].detected(); seeds > 0) {
      counts[result.plan.laws[law]->name] = seeds;
    }
  }
  return {{"name", fault.name},
          {"row", fault.row},
          {"source", fault.source},
          {"reached", is_reached(result, f)},
          {"triggered", is_triggered(result, f)},
          {"detected", detected_seeds(result, f)},
          {"detected_of", result.options.seeds},
          {"detected_without_oracle", detected_seeds(result, f, Counted::without_exact)},
          {"laws", std::move(laws)},
          {"counts", std::move(counts)},
          {"quickest_law", quickest ? ordered_json(result.plan.laws[*quickest]->name) : ordered_json()},
          {"median_cases", quickest ? ordered_json(result.faults[f][*quickest].median()) : ordered_json()},
          {"shrunk", report.shrunk.empty() ? ordered_json() : shrunk_json(report.shrunk[f])}};
}

ordered_json control_json(const std::string& name, const std::vector<ControlCell>& cells) {
  const ControlCell sum = total(cells);
  return {{"name", name}, {"cases", sum.cases}, {"alarms", sum.alarms}};
}

ordered_json fault_names(const AuditResult& result, const std::vector<std::size_t>& faults) {
  ordered_json names = ordered_json::array();
  for (const std::size_t f : faults) names.push_back(result.plan.faults[f].name);
  return names;
}

}  // namespace

std::string audit_json(const AuditReport& report) {
  const AuditResult& result = report.result;
  ordered_json faults = ordered_json::array();
  for (std::size_t f = 0; f < result.plan.faults.size(); ++f) faults.push_back(fault_json(report, f));
  ordered_json controls = ordered_json::array();
  if (!result.plan.faults.empty()) controls.push_back(control_json("reference", result.reference));
  for (std::size_t k = 0; k < result.plan.controls.size(); ++k) {
    controls.push_back(control_json(result.plan.controls[k].name, result.controls[k]));
  }
  ordered_json laws = ordered_json::array();
  for (std::size_t law = 0; law < result.plan.laws.size(); ++law) {
    laws.push_back({{"name", result.plan.laws[law]->name},
                    {"exact", result.plan.laws[law]->traits.exact},
                    {"kills", fault_names(result, kills(result, law))},
                    {"sole_kills", fault_names(result, sole_kills(result, law))}});
  }
  ordered_json accused = ordered_json::array();
  for (const Alarm& alarm : first_alarms(result)) {
    accused.push_back({{"control", alarm.subject},
                       {"law", alarm.law->name},
                       {"message", alarm.message},
                       {"case", show_case_line(alarm.content)}});
  }
  const auto share = [&](Counted counted) {
    return result.plan.faults.empty() ? ordered_json() : ordered_json(score(result, counted));
  };
  const ordered_json json{{"schema", "bncheck-audit-1"},
                          {"version", report.version},
                          {"command", report.command},
                          {"seed", result.options.seed},
                          {"seeds", result.options.seeds},
                          {"cases", result.options.cases},
                          {"control_cases", result.options.control_cases},
                          {"interrupted", result.interrupted},
                          {"score", share(Counted::every_law)},
                          {"score_without_oracle", share(Counted::without_exact)},
                          {"faults", std::move(faults)},
                          {"controls", std::move(controls)},
                          {"laws", std::move(laws)},
                          {"alarms", std::move(accused)}};
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace bncheck
