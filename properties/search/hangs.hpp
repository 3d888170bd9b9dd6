#pragma once
/// An account of the cases that a subject did not answer in time.

#include <cstdint>

namespace bncheck {

/// Hangs of one subject over all laws of a run. Each takes the whole time limit of a case, and a subject that
/// never answers is not asked the same of every law.
struct Hangs {
  static constexpr int most = 3;
  /// Laws in which it hung and answered nothing, since the last one in which it answered.
  int in_a_row = 0;

  /// Counts a law, or a case by itself, in which the subject ran that often and hung that often.
  void count(std::int64_t runs, std::int64_t hung) {
    if (runs > 0) in_a_row = hung == runs ? in_a_row + 1 : 0;
  }
  bool gave_up() const { return in_a_row >= most; }
};

}  // namespace bncheck
