#pragma once
/// What a law says of a case.

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "bncheck/expected.hpp"

namespace bncheck {

/// One element that is not what it has to be.
struct Mismatch {
  std::size_t call = 0;
  Output output = Output::y;
  std::int64_t index = 0;  ///< flat, in logical order
  double got = 0;
  double expected = 0;  ///< nearest number to the exact value, or the other run's value
  Error error;
  Dtype dtype = Dtype::f32;  ///< of the output: what both numbers are numbers of
};

struct Verdict {
  enum class Kind { holds, violated, not_applicable, died, inconclusive };
  Kind kind = Kind::holds;
  std::string message;
  std::vector<Mismatch> mismatches;  ///< the worst ones first, a handful
  double worst_ulps = 0, worst_ratio = 0;
  /// Outputs whose intermediate results left the exponent range, where the ratio says nothing.
  std::int64_t out_of_range = 0;
  /// Not applicable because the subject cannot be asked: no fault of the law's generator.
  bool beyond_subject = false;
  /// Died by hanging: the run took the whole time limit of a case.
  bool hung = false;

  static Verdict of(Kind kind, std::string message) {
    Verdict verdict;
    verdict.kind = kind;
    verdict.message = std::move(message);
    return verdict;
  }
  static Verdict violated(std::string message) { return of(Kind::violated, std::move(message)); }
  static Verdict died(std::string message) { return of(Kind::died, std::move(message)); }
  static Verdict not_applicable(std::string reason) { return of(Kind::not_applicable, std::move(reason)); }
  static Verdict beyond(std::string reason) {
    Verdict verdict = not_applicable(std::move(reason));
    verdict.beyond_subject = true;
    return verdict;
  }
  bool is_bad() const { return kind == Kind::violated || kind == Kind::died; }
};

/// Thrown inside a law's check to settle it early.
struct Settled {
  Verdict verdict;
};

}  // namespace bncheck
