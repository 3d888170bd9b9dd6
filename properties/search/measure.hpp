#pragma once
/// The same cases put to several subjects, operation by operation and regime by regime: how far each output
/// is from the exact result at worst. Nothing is judged here, and nothing stops at the first finding.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "core/draws.hpp"
#include "core/runner.hpp"
#include "search/error_statistics.hpp"
#include "search/hangs.hpp"

namespace bncheck {

/// One kind of cases.
struct Workload {
  Pass pass;
  std::string regime;  ///< of x, or of dy where x is ordinary
  std::function<Case(Draws&)> draw;
};
const std::vector<Workload>& all_workloads();
/// "backward_training/x_huge": a name without blanks for files and patterns.
std::string kind_of(const Workload& workload);

/// What a subject did with all elements of one output in one workload.
struct Measurement {
  const Workload* workload = nullptr;
  Output output = Output::y;
  ErrorFigures figures;
};

/// A case that gave no values to measure.
struct Unmeasured {
  const Workload* workload = nullptr;
  int index = 0;  ///< of the case in its workload
  std::string reason;
};

struct Measured {
  explicit Measured(const Dialect& dialect) : statistics(dialect) {}

  std::vector<Measurement> rows;
  ErrorStatistics statistics;  ///< of all rows
  std::int64_t cases = 0;
  std::vector<Unmeasured> deaths;    ///< the subject died
  std::vector<Unmeasured> failures;  ///< it rejected the case, or returned something else than was asked for
  std::int64_t unsupported = 0;      ///< it said that it cannot do this
  std::int64_t not_asked = 0;        ///< beside `cases`: what was left when it had hung in case after case
};

/// The cases follow from the seed and from nothing else. `begins` is called before each workload. A subject
/// that hung in case after case is asked no more.
Measured measure(Subject& subject, int cases_per_workload, std::uint64_t seed,
                 const std::atomic<bool>& interrupted, Hangs& hangs,
                 const std::function<void(const Workload&)>& begins = {});

}  // namespace bncheck
