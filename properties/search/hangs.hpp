#pragma once
/// Count of the cases that a subject did not answer in time.

#include <cstdint>

namespace bncheck {

/// Hangs of one subject over all laws of a run. Each hang takes the whole time limit of a case, so a subject
/// that never answers is not tried with every law.
struct Hangs {
  static constexpr int most = 3;
  /// Number of consecutive laws, up to the latest one, in which it hung in every run.
  int in_a_row = 0;

  /// Counts a law, or a single case, with the numbers of runs and of hangs.
  void count(std::int64_t runs, std::int64_t hung) {
    if (runs > 0) in_a_row = hung == runs ? in_a_row + 1 : 0;
  }
  bool gave_up() const { return in_a_row >= most; }
};

}  // namespace bncheck
