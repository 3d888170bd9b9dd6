#pragma once
/// Measurement of several subjects with the same cases, by operation and regime: the worst distance of each
/// output from the exact result. Nothing is judged here, and nothing stops at the first finding.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "core/draws.hpp"
#include "core/runner.hpp"
#include "search/error_statistics.hpp"
#include "search/hangs.hpp"

namespace bncheck {

/// Kind of cases.
struct Workload {
  Pass pass;
  std::string regime;  ///< regime of x, or of dy where x is ordinary
  std::function<Case(Draws&, const Dialect&)> draw;
};
const std::vector<Workload>& all_workloads();
/// Name of the kind, without blanks, for files and patterns: "backward_training/x_huge".
std::string kind_of(const Workload& workload);

/// Errors of a subject over all elements of one output in one workload.
struct Measurement {
  const Workload* workload = nullptr;
  Output output = Output::y;
  ErrorFigures figures;
};

/// Case without values to measure.
struct Unmeasured {
  const Workload* workload = nullptr;
  int index = 0;  ///< index of the case in its workload
  std::string reason;
};

struct Measured {
  explicit Measured(const Dialect& dialect) : statistics(dialect) {}

  std::vector<Measurement> rows;
  ErrorStatistics statistics;  ///< over all rows
  std::int64_t cases = 0;
  std::vector<Unmeasured> deaths;    ///< the subject died
  std::vector<Unmeasured> failures;  ///< it rejected the case, or returned other outputs than requested
  std::int64_t unsupported = 0;      ///< it reported the case as unsupported
  std::int64_t not_asked = 0;        ///< cases that were not run because the subject kept hanging
  std::string lost;                  ///< why the subject could not be started again; empty if it could
};

/// Measures one subject. The cases depend only on the seed. `begins` is called before each workload. A
/// subject that keeps hanging is not asked any more; one that is lost ends the measurement.
Measured measure(Subject& subject, int cases_per_workload, std::uint64_t seed,
                 const std::atomic<bool>& interrupted, Hangs& hangs,
                 const std::function<void(const Workload&)>& begins = {});

}  // namespace bncheck
