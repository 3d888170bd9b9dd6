#pragma once
/// Check of one law: many drawn cases, and the smallest case that violates it.

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/law.hpp"
#include "core/rank.hpp"
#include "search/case_times.hpp"
#include "search/climb.hpp"
#include "search/coverage.hpp"
#include "search/error_statistics.hpp"
#include "search/explanation.hpp"
#include "search/failure_store.hpp"
#include "search/hangs.hpp"
#include "search/limit_edge.hpp"

namespace bncheck {

struct CheckOptions {
  int cases = 200;  ///< applicable cases per law
  std::uint64_t seed = 0;
  /// Time limit for the search for the smallest counterexample.
  std::chrono::milliseconds shrink_time{2000};
  /// Stored cases, tried before any case is drawn; they do not count as cases of the law.
  std::vector<StoredCase> stored;
  std::optional<std::chrono::steady_clock::time_point> deadline;  ///< end of the whole run
  const std::atomic<bool>* interrupted = nullptr;
  /// Hangs of the subject so far; must outlive the check. null: the law is checked without regard to earlier
  /// laws.
  Hangs* hangs = nullptr;
  /// Cases that the subject has run in earlier laws; must outlive the check. null: the law is checked without regard to
  /// them.
  History* history = nullptr;
  /// Ranks that fail the run. A finding of another one ends no search, nor does one of a mild rank.
  std::set<Rank> fail_on = usual_failures;
  /// Whether a finding is known. Such a finding ends no search and is not shrunk. Empty: none is.
  std::function<bool(const Law&, const Verdict&, Rank)> is_known;
  /// Clock that times the cases.
  std::function<std::chrono::steady_clock::time_point()> clock = std::chrono::steady_clock::now;
  /// Receives the errors of the stored and of the drawn cases, not of cases tried while shrinking and
  /// climbing, which depend on time. null: no statistics.
  ErrorStatistics* statistics = nullptr;
  /// Called after each case with the number of applicable cases so far.
  std::function<void(int)> progress;
};

struct LawResult {
  const Law* law = nullptr;
  Verdict::Kind kind = Verdict::Kind::inconclusive;
  int cases = 0;       ///< applicable cases that ran
  int discarded = 0;   ///< drawn cases to which the law did not apply
  int beyond = 0;      ///< drawn cases that are beyond the subject's capabilities
  int stored = 0;      ///< stored cases to which the law applied
  int held_again = 0;  ///< stored cases with which this subject violated the law before, and now does not
  /// Number of runs of the bad case, and of those that were bad. A subject that does not always give the same
  /// answer is reported with the case as it was drawn, because a smaller one might differ by chance alone.
  int repeated = 0, bad = 0;
  Coverage coverage;  ///< coverage of the applicable drawn cases
  std::string reason;
  /// Reason why the subject could not be started again during the law; empty if it could. Findings from
  /// before are kept.
  std::string lost;
  double worst_ulps = 0, worst_ratio = 0;
  WorstCases worst_cases;          ///< drawn cases with the largest ratios, from which a climb starts
  std::optional<Climbed> climbed;  ///< absent if no climb was requested or no case to start from was found
  CaseTimes times;                 ///< times of the drawn cases
  bool flaky() const { return bad < repeated; }
  /// Shrunk counterexample, the law's verdict on it, and the rank of that.
  std::optional<Case> counterexample;
  Verdict verdict;
  Rank rank = Rank::wrong;
  bool known = false;  ///< by CheckOptions::is_known
  /// Where the limit begins that the counterexample shows, if that was found.
  std::optional<LimitEdge> edge;
  /// What would explain the violation.
  std::vector<Explanation> explanations;
  /// Whether the counterexample holds in a subject that has just started, and cases after which it does not, in their
  /// order; empty if none were found.
  bool needs_others = false;
  std::vector<Case> before;
  /// Whether all cases that were asked for have run.
  bool is_complete() const {
    return kind == Verdict::Kind::holds || (counterexample && went_on && !incomplete);
  }
  /// Whether the search went on after the counterexample, for a worse one, and whether fewer cases were searched than
  /// were asked for.
  bool went_on = false, incomplete = false;
};

/// Largest share of discarded cases on which a verdict may rest, in percent of all drawn cases.
inline constexpr int max_discard_percent = 5;

LawResult check_law(const Law& law, Subject& subject, const CheckOptions& options);

/// Whether the law has a ratio to climb by, and no counterexample yet.
bool can_climb(const LawResult& blind);
/// Result of `check_law` and of a climb from its worst cases. A case that violates the law during the climb
/// is a finding like any other. Precondition: `can_climb(blind)`.
LawResult climb_law(LawResult blind, Subject& subject, const CheckOptions& options,
                    const ClimbLimits& limits);

}  // namespace bncheck
