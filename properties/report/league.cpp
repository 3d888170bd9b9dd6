#include "report/league.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "report/accuracy.hpp"
#include "report/json_values.hpp"
#include "report/show_case.hpp"

namespace bncheck {
namespace {

const Measurement* find_row(const Contestant& contestant, const Workload& workload, Output output) {
  const auto& rows = contestant.measured.rows;
  const auto found = std::ranges::find_if(
      rows, [&](const Measurement& row) { return row.workload == &workload && row.output == output; });
  return found == rows.end() ? nullptr : &*found;
}

std::string show_row(const Measurement* row) {
  if (row == nullptr || row->figures.elements == 0) return fmt::format("{:>9}{:>11}{:>11}", "-", "-", "-");
  return fmt::format("{:>9}{:>11}{:>11}", show_share(row->figures), show_measure(row->figures.worst_ulps),
                     show_measure(row->figures.worst_ratio));
}

/// Outputs that at least one subject gave in this workload.
std::vector<Output> outputs_of(const std::vector<Contestant>& contestants, const Workload& workload) {
  std::vector<Output> outputs;
  for (const Contestant& contestant : contestants) {
    for (const Measurement& row : contestant.measured.rows) {
      const bool known = std::ranges::find(outputs, row.output) != outputs.end();
      if (row.workload == &workload && !known) outputs.push_back(row.output);
    }
  }
  std::ranges::sort(outputs);
  return outputs;
}

}  // namespace

std::string league_table(const std::vector<Contestant>& contestants, std::uint64_t seed) {
  std::string text = fmt::format("{:<19}{:<21}{:<13}", "operation", "regime", "output");
  for (const Contestant& c : contestants) text += fmt::format("  {:>29}", c.name + " " + c.version);
  text += fmt::format("\n{:<53}", "");
  for (std::size_t k = 0; k < contestants.size(); ++k) {
    text += fmt::format("{:>9}{:>11}{:>11}", "nearest", "ulps", "ratio");
  }
  text += '\n';
  for (const Workload& workload : all_workloads()) {
    for (const Output output : outputs_of(contestants, workload)) {
      text += fmt::format("{:<19}{:<21}{:<13}", name_of(workload.pass), workload.regime, name_of(output));
      for (const Contestant& c : contestants) text += show_row(find_row(c, workload, output));
      text += '\n';
    }
  }
  text += '\n';
  for (const Contestant& c : contestants) {
    text += fmt::format("{} {}: {} cases, {} failed, seed {}\n", c.name, c.version, c.measured.cases,
                        c.measured.failures.size(), seed);
  }
  return text;
}

std::string league_json(const std::vector<Contestant>& contestants, std::uint64_t seed) {
  using nlohmann::ordered_json;
  ordered_json subjects = ordered_json::array();
  for (const Contestant& c : contestants) {
    ordered_json rows = ordered_json::array();
    for (const Measurement& row : c.measured.rows) {
      ordered_json json{{"pass", name_of(row.workload->pass)},
                        {"regime", row.workload->regime},
                        {"output", name_of(row.output)}};
      json.update(figures_json(row.figures));
      rows.push_back(std::move(json));
    }
    subjects.push_back({{"name", c.name},
                        {"version", c.version},
                        {"cases", c.measured.cases},
                        {"failed", c.measured.failures.size()},
                        {"rows", std::move(rows)}});
  }
  const ordered_json json{{"schema", 1}, {"seed", seed}, {"subjects", std::move(subjects)}};
  return json_text(json);
}

}  // namespace bncheck
