#pragma once
/// Climb: search for the worst case that still holds, from the worst drawn cases by small changes. Random
/// cases show average rounding errors; extreme cases test a bound.

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "bncheck/case.hpp"
#include "core/verdict.hpp"

namespace bncheck {

struct RatedCase {
  Case content;
  double ratio = 0;  ///< worst error in units of its bound
};

/// Cases with the largest ratios so far, in descending order.
class WorstCases {
 public:
  static constexpr std::size_t capacity = 8;
  /// Adds the case. Ratios that are 0 or NaN are ignored, because they give no direction.
  void offer(const Case& c, double ratio);
  const std::vector<RatedCase>& cases() const { return cases_; }

 private:
  std::vector<RatedCase> cases_;
};

/// Limits of a climb, which ends with the first one that is reached.
struct ClimbLimits {
  std::optional<std::int64_t> evaluations;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  const std::atomic<bool>* interrupted = nullptr;
};

struct Climbed {
  std::int64_t evaluations = 0;
  /// Case with the largest ratio that holds.
  RatedCase worst;
  /// First case that does not hold; the climb ends there.
  std::optional<Case> bad;
  Verdict verdict;  ///< verdict on that case
};

/// Climbs from the population `start`. A case is replaced by a change of it whose ratio is larger, or equal
/// with no more elements. From time to time the case with the largest ratio replaces that with the smallest.
/// The result depends only on the seed if the number of evaluations is the limit.
Climbed climb(std::vector<RatedCase> start, const std::function<Verdict(const Case&)>& check,
              std::uint64_t seed, const ClimbLimits& limits);

}  // namespace bncheck
