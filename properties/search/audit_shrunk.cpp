#include "search/audit_shrunk.hpp"

#include <algorithm>

#include "search/audit_scores.hpp"
#include "search/check_law.hpp"

namespace bncheck {
namespace {

ShrunkCase shrink_fault(const AuditResult& result, std::size_t fault, std::chrono::milliseconds time) {
  ShrunkCase shrunk;
  const auto law = quickest_law(result, fault);
  if (!law) return shrunk;
  const std::optional<Case> start = detecting_case(result, fault, *law);
  if (!start) return shrunk;
  shrunk.law = result.plan.laws[*law];
  CheckOptions options;
  options.cases = 1;
  options.stored.push_back({*start, true});
  options.shrink_time = time;
  options.interrupted = result.options.interrupted;
  const std::unique_ptr<Subject> subject = result.plan.faults[fault].make();
  const auto begin = std::chrono::steady_clock::now();
  LawResult found = check_law(*shrunk.law, *subject, options);
  shrunk.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  shrunk.content = std::move(found.counterexample);
  shrunk.verdict = std::move(found.verdict);
  return shrunk;
}

}  // namespace

std::vector<ShrunkCase> shrink_faults(const AuditResult& result, std::chrono::milliseconds time) {
  std::vector<ShrunkCase> all;
  for (std::size_t fault = 0; fault < result.plan.faults.size(); ++fault) {
    all.push_back(shrink_fault(result, fault, time));
  }
  return all;
}

CaseExtent extent(const Case& c) {
  CaseExtent most{c.config.num_features, 0};
  for (const Call& call : c.calls) {
    const auto* forward = std::get_if<Forward>(&call.operation);
    const auto* backward = std::get_if<Backward>(&call.operation);
    if (forward == nullptr && backward == nullptr) continue;
    const Shape& shape = forward != nullptr ? forward->x.shape : backward->dy.shape;
    const std::int64_t channels = shape.size() < 2 ? 1 : std::max<std::int64_t>(shape[1], 1);
    most.channels = std::max(most.channels, channels);
    most.values = std::max(most.values, element_count(shape).value_or(0) / channels);
  }
  return most;
}

bool is_small(const Case& c) {
  const CaseExtent size = extent(c);
  return size.channels <= 2 && size.values <= 8;
}

}  // namespace bncheck
