#pragma once
/// The same cases put to several subjects, operation by operation and regime by regime: how far each output
/// is from the exact result at worst. Nothing is judged here, and nothing stops at the first finding.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "core/draws.hpp"
#include "core/runner.hpp"

namespace bncheck {

/// One kind of cases.
struct Workload {
  std::string operation;  ///< "training", "inference", "backward training", "backward inference"
  std::string regime;     ///< of x, or of dy where x is ordinary
  std::function<Case(Draws&)> draw;
};
const std::vector<Workload>& all_workloads();
/// "backward_training/x_huge": a name without blanks for files and patterns.
std::string kind_of(const Workload& workload);

/// What a subject did with all elements of one output in one workload.
struct Measurement {
  const Workload* workload = nullptr;
  Output output = Output::y;
  std::int64_t elements = 0, nearest = 0;
  std::int64_t out_of_range = 0;  ///< elements that the worst figures leave out
  double worst_ulps = 0, worst_ratio = 0;
};

struct Measured {
  std::vector<Measurement> rows;
  std::int64_t cases = 0;
  std::int64_t failed = 0;  ///< cases that were rejected, or that the subject died of
};

/// The cases follow from the seed and from nothing else.
Measured measure(Subject& subject, int cases_per_workload, std::uint64_t seed,
                 const std::atomic<bool>& interrupted);

}  // namespace bncheck
