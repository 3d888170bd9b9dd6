#include "search/climb.hpp"

#include <algorithm>
#include <cmath>

#include "core/draws.hpp"
#include "search/mutate.hpp"

namespace bncheck {
namespace {

std::size_t elements_of(const Case& c) {
  std::size_t sum = 0;
  for (const Call& call : c.calls) {
    if (const auto* forward = std::get_if<Forward>(&call.operation)) sum += forward->x.size();
    if (const auto* backward = std::get_if<Backward>(&call.operation)) sum += backward->dy.size();
  }
  return sum;
}

bool lower(const RatedCase& a, const RatedCase& b) {
  return a.ratio < b.ratio;
}

bool reached(const ClimbLimits& limits, std::int64_t evaluations) {
  return (limits.evaluations && evaluations >= *limits.evaluations) ||
         (limits.deadline && std::chrono::steady_clock::now() >= *limits.deadline) ||
         (limits.interrupted != nullptr && *limits.interrupted);
}

/// Evaluations per case of the population between two selections: enough to show whether a lineage makes
/// progress, and few enough that one without progress does not keep its place for long.
constexpr std::int64_t generation = 50;

}  // namespace

void WorstCases::offer(const Case& c, double ratio) {
  if (!(ratio > 0) || !std::isfinite(ratio)) return;
  if (cases_.size() == capacity) {
    if (ratio <= cases_.back().ratio) return;
    cases_.pop_back();
  }
  const auto place =
      std::ranges::find_if(cases_, [=](const RatedCase& other) { return other.ratio < ratio; });
  cases_.insert(place, {c, ratio});
}

Climbed climb(std::vector<RatedCase> population, const std::function<Verdict(const Case&)>& check,
              std::uint64_t seed, const ClimbLimits& limits) {
  Climbed climbed;
  RandomDraws draws(seed);
  while (!population.empty() && !climbed.bad && !reached(limits, climbed.evaluations)) {
    RatedCase& parent = population[static_cast<std::size_t>(draws.below(population.size()))];
    Case child = mutated(parent.content, draws);
    Verdict verdict = check(child);
    ++climbed.evaluations;
    if (verdict.is_bad()) {
      climbed.bad = std::move(child);
      climbed.verdict = std::move(verdict);
    } else if (verdict.kind == Verdict::Kind::holds) {
      const double ratio = verdict.worst_ratio;
      if (ratio > parent.ratio ||
          (ratio == parent.ratio && elements_of(child) <= elements_of(parent.content))) {
        parent = {std::move(child), ratio};
      }
    }
    if (climbed.evaluations % (generation * static_cast<std::int64_t>(population.size())) == 0) {
      const RatedCase highest = *std::ranges::max_element(population, lower);
      *std::ranges::min_element(population, lower) = highest;
    }
  }
  if (!population.empty()) climbed.worst = *std::ranges::max_element(population, lower);
  return climbed;
}

}  // namespace bncheck
