#pragma once
/// The loop: a law on many drawn cases, and the smallest case that violates it.

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "core/law.hpp"
#include "search/case_times.hpp"
#include "search/climb.hpp"
#include "search/coverage.hpp"
#include "search/error_statistics.hpp"
#include "search/failure_store.hpp"
#include "search/hangs.hpp"

namespace bncheck {

struct CheckOptions {
  int cases = 200;  ///< applicable cases per law
  std::uint64_t seed = 0;
  /// How long the smallest counterexample is looked for.
  std::chrono::milliseconds shrink_time{2000};
  /// Tried before any case is drawn; they do not count as cases of the law.
  std::vector<StoredCase> stored;
  std::optional<std::chrono::steady_clock::time_point> deadline;  ///< of the whole run
  const std::atomic<bool>* interrupted = nullptr;
  /// Outlives the check; null: the law stands by itself.
  Hangs* hangs = nullptr;
  /// What the cases are timed with.
  std::function<std::chrono::steady_clock::time_point()> clock = std::chrono::steady_clock::now;
  /// Takes the errors of the stored and of the drawn cases; what shrinking and climbing try depends on time.
  /// Null: nobody does.
  ErrorStatistics* statistics = nullptr;
  /// Called after each case with the number of applicable ones so far.
  std::function<void(int)> progress;
};

struct LawResult {
  enum class Kind { holds, violated, not_applicable, died, inconclusive };
  const Law* law = nullptr;
  Kind kind = Kind::inconclusive;
  int cases = 0;       ///< applicable cases that ran
  int discarded = 0;   ///< drawn cases that the law said nothing about
  int beyond = 0;      ///< drawn cases that the subject cannot be asked
  int stored = 0;      ///< stored cases that the law said something about
  int held_again = 0;  ///< those among them with which this subject once violated the law, and no longer does
  /// The bad case was run this often, and was bad this often: a subject that does not always give the same
  /// answer is reported with the case as it was drawn, for a smaller one might differ by chance alone.
  int repeated = 0, bad = 0;
  Coverage coverage;  ///< of the applicable drawn cases
  std::string reason;
  /// Why the subject could not be started again in the middle of the law; empty where it could. What was
  /// found before stands.
  std::string lost;
  double worst_ulps = 0, worst_ratio = 0;
  WorstCases worst_cases;          ///< those drawn with the largest ratios: where a climb starts
  std::optional<Climbed> climbed;  ///< absent where none was asked for or there was nowhere to start
  CaseTimes times;                 ///< of the drawn cases
  bool flaky() const { return bad < repeated; }
  /// The shrunk counterexample and what the law says of it.
  std::optional<Case> counterexample;
  Verdict verdict;
};
std::string_view name_of(LawResult::Kind kind);

/// Most discards that a verdict may rest on, in percent of all drawn cases.
inline constexpr int max_discard_percent = 5;

LawResult check_law(const Law& law, Subject& subject, const CheckOptions& options);

/// A law that has a ratio to climb by, and no counterexample yet.
bool can_climb(const LawResult& blind);
/// The result of `check_law` and of a climb from its worst cases. A case that violates the law on the way is
/// a finding like any other. Precondition: `can_climb(blind)`.
LawResult climb_law(LawResult blind, Subject& subject, const CheckOptions& options,
                    const ClimbLimits& limits);

}  // namespace bncheck
