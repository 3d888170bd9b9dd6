#include "search/audit_scores.hpp"

#include <algorithm>
#include <tuple>

namespace bncheck {
namespace {

bool counts(const Law& law, Counted counted) {
  return counted == Counted::every_law || !law.traits.exact;
}

bool is_sure(const AuditResult& result, const AuditCell& cell) {
  return cell.detected() == result.options.seeds;
}

}  // namespace

int detected_seeds(const AuditResult& result, std::size_t fault, Counted counted) {
  int seeds = 0;
  for (std::size_t seed = 0; seed < static_cast<std::size_t>(result.options.seeds); ++seed) {
    bool found = false;
    for (std::size_t law = 0; law < result.plan.laws.size(); ++law) {
      const bool tells = result.faults[fault][law].first[seed] > 0;
      found = found || (tells && counts(*result.plan.laws[law], counted));
    }
    seeds += found ? 1 : 0;
  }
  return seeds;
}

double score(const AuditResult& result, Counted counted) {
  if (result.faults.empty()) return 1;
  int detected = 0;
  for (std::size_t fault = 0; fault < result.faults.size(); ++fault) {
    detected += detected_seeds(result, fault, counted) == result.options.seeds ? 1 : 0;
  }
  return static_cast<double>(detected) / static_cast<double>(result.faults.size());
}

bool is_reached(const AuditResult& result, std::size_t fault) {
  return std::ranges::any_of(result.faults[fault], &AuditCell::reached);
}

bool is_triggered(const AuditResult& result, std::size_t fault) {
  return std::ranges::any_of(result.faults[fault], &AuditCell::triggered);
}

std::optional<std::size_t> quickest_law(const AuditResult& result, std::size_t fault) {
  std::optional<std::size_t> best;
  const auto rank = [&](std::size_t law) {
    const AuditCell& cell = result.faults[fault][law];
    return std::tuple(-cell.detected(), result.plan.laws[law]->traits.bulky, cell.median());
  };
  for (std::size_t law = 0; law < result.plan.laws.size(); ++law) {
    if (result.faults[fault][law].detected() > 0 && (!best || rank(law) < rank(*best))) best = law;
  }
  return best;
}

std::vector<std::size_t> sure_laws(const AuditResult& result, std::size_t fault) {
  std::vector<std::size_t> laws;
  for (std::size_t law = 0; law < result.plan.laws.size(); ++law) {
    if (is_sure(result, result.faults[fault][law])) laws.push_back(law);
  }
  return laws;
}

std::vector<std::size_t> kills(const AuditResult& result, std::size_t law) {
  std::vector<std::size_t> faults;
  for (std::size_t fault = 0; fault < result.faults.size(); ++fault) {
    if (is_sure(result, result.faults[fault][law])) faults.push_back(fault);
  }
  return faults;
}

std::vector<std::size_t> sole_kills(const AuditResult& result, std::size_t law) {
  std::vector<std::size_t> faults = kills(result, law);
  std::erase_if(faults, [&](std::size_t fault) { return sure_laws(result, fault).size() > 1; });
  return faults;
}

ControlCell total(const std::vector<ControlCell>& cells) {
  ControlCell sum;
  for (const ControlCell& cell : cells) {
    sum.cases += cell.cases;
    sum.alarms += cell.alarms;
    if (!sum.first) sum.first = cell.first;
  }
  return sum;
}

std::int64_t alarms(const AuditResult& result) {
  std::int64_t sum = total(result.reference).alarms;
  for (const auto& cells : result.controls) sum += total(cells).alarms;
  return sum;
}

std::vector<Alarm> first_alarms(const AuditResult& result) {
  std::vector<Alarm> all;
  const auto add = [&](const std::vector<ControlCell>& cells) {
    for (const ControlCell& cell : cells) {
      if (cell.first) all.push_back(*cell.first);
    }
  };
  add(result.reference);
  for (const auto& cells : result.controls) add(cells);
  return all;
}

bool is_clean(const AuditResult& result) {
  return score(result) == 1 && alarms(result) == 0;
}

}  // namespace bncheck
