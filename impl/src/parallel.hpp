// One loop over independent tasks, on OpenMP's threads.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

#include "float_environment.hpp"

namespace bn {

/// Number of values from which on several threads are worth their cost: work on so many values takes some 10
/// µs, about as long as waking other threads.
inline constexpr std::int64_t serial_limit = 1 << 15;

/// Number of threads for work on `elements` values: `requested` if positive, otherwise 1 below serial_limit
/// and OpenMP's default from there on.
inline int thread_count(int requested, std::int64_t elements) {
  if (requested > 0) return requested;
  return elements < serial_limit ? 1 : omp_get_max_threads();
}

/// Calls task(i) once for each i in [0, tasks), in any order and on up to `threads` threads, each with the
/// default floating-point environment. Tasks must be independent and must not throw.
template <class Task>
void parallel_for(std::int64_t tasks, int threads, const Task& task) {
  const int team = static_cast<int>(std::min<std::int64_t>(threads, tasks));
  if (team <= 1) {
    const FloatEnvironment environment;
    for (std::int64_t i = 0; i < tasks; ++i) task(i);
    return;
  }
#pragma omp parallel num_threads(team) default(none) shared(task, tasks)
  {
    const FloatEnvironment environment;
#pragma omp for schedule(static) nowait  // the end of the region is a barrier already
    for (std::int64_t i = 0; i < tasks; ++i) task(i);
  }
}

}  // namespace bn
