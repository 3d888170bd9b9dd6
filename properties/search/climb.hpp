#pragma once
/// A search for the worst case that still holds: from the worst drawn ones, by small changes, upwards. Random
/// cases meet the middle of what rounding does; a bound is tested by its extremes.

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

/// The cases with the largest ratios so far, the largest first.
class WorstCases {
 public:
  static constexpr std::size_t capacity = 8;
  /// Ratios that are 0 or no number say nothing about where to go.
  void offer(const Case& c, double ratio);
  const std::vector<RatedCase>& cases() const { return cases_; }

 private:
  std::vector<RatedCase> cases_;
};

/// A climb ends with the first of these that is reached.
struct ClimbLimits {
  std::optional<std::int64_t> evaluations;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  const std::atomic<bool>* interrupted = nullptr;
};

struct Climbed {
  std::int64_t evaluations = 0;
  /// The highest case that holds.
  RatedCase worst;
  /// The first case that does not hold; the climb ends there.
  std::optional<Case> bad;
  Verdict verdict;  ///< of that case
};

/// `start` is the population. A case is replaced by a change of it that is at least as high and, where it is
/// as high, has no more elements; now and then the highest case takes the place of the lowest. The result
/// follows from the seed where the number of evaluations is the limit.
Climbed climb(std::vector<RatedCase> start, const std::function<Verdict(const Case&)>& check,
              std::uint64_t seed, const ClimbLimits& limits);

}  // namespace bncheck
