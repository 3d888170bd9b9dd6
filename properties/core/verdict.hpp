#pragma once
/// Verdict of a law on a case.

#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bncheck/case.hpp"
#include "bncheck/expected.hpp"

namespace bncheck {

/// Element that differs from its expected value.
struct Mismatch {
  std::size_t call = 0;
  Output output = Output::y;
  std::int64_t index = 0;  ///< flat index in logical order
  double got = 0;
  double expected = 0;  ///< number nearest to the exact value, or the value of the other run
  Error error;
  Dtype dtype = Dtype::f32;  ///< dtype of the output, and of both numbers
  bool of_two_runs = false;  ///< two runs must agree; the error is that of `got`
};

struct Verdict {
  enum class Kind { holds, violated, not_applicable, died, inconclusive };
  Kind kind = Kind::holds;
  /// What a violation is about; rank.hpp ranks it by this.
  enum class Ground {
    conduct,     ///< a refusal, a change of the state, bits, shapes, the end of the subject
    values,      ///< numbers that are too far from the exact ones, or from each other
    acceptance,  ///< a call that must fail was carried out
  };
  Ground ground = Ground::conduct;
  std::string message;
  std::vector<Mismatch> mismatches;  ///< the worst few, the worst one first
  double worst_ulps = 0, worst_ratio = 0;
  /// Case of the other run, where two runs are compared whose cases differ.
  std::optional<Case> other;
  /// Not applicable because the case is beyond the subject's capabilities: no fault of the law's generator.
  bool beyond_subject = false;
  /// The subject hung: the run took the whole time limit of a case.
  bool hung = false;

  static Verdict of(Kind kind, std::string message) {
    Verdict verdict;
    verdict.kind = kind;
    verdict.message = std::move(message);
    return verdict;
  }
  static Verdict violated(std::string message) { return of(Kind::violated, std::move(message)); }
  static Verdict accepted(std::string message) {
    Verdict verdict = violated(std::move(message));
    verdict.ground = Ground::acceptance;
    return verdict;
  }
  static Verdict died(std::string message) { return of(Kind::died, std::move(message)); }
  static Verdict not_applicable(std::string reason) { return of(Kind::not_applicable, std::move(reason)); }
  static Verdict beyond(std::string reason) {
    Verdict verdict = not_applicable(std::move(reason));
    verdict.beyond_subject = true;
    return verdict;
  }
  bool is_bad() const { return kind == Kind::violated || kind == Kind::died; }
};
std::string_view name_of(Verdict::Kind kind);
/// Message of a bad verdict without its numbers: the same for findings of the same fault.
std::string signature_of(const Verdict& verdict);

/// Exception that ends a law's check early with a verdict.
struct Settled {
  Verdict verdict;
};

}  // namespace bncheck
