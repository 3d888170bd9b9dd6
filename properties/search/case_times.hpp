#pragma once
/// Durations of a law's cases. A case that takes far longer than the others is worth a look: it may show a
/// quadratic loop or a generator that finds no case.

#include <chrono>
#include <optional>
#include <vector>

#include "bncheck/case.hpp"

namespace bncheck {

struct SlowCase {
  Case content;
  std::chrono::duration<double> time{}, median{};
};

class CaseTimes {
 public:
  void add(const Case& c, std::chrono::duration<double> time);
  /// The slowest case, if it took more than a second and more than a hundred times the median.
  std::optional<SlowCase> slow() const;

 private:
  /// Number of times that are kept for the median.
  static constexpr std::size_t most_times = 10'000;
  std::vector<std::chrono::duration<double>> times_;  ///< durations of the first cases
  std::chrono::duration<double> longest_{};
  Case slowest_;
};

}  // namespace bncheck
