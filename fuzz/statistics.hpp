#pragma once
/// Statistics of a campaign: executions, the share of inputs to which a law applies, elements per case.

#include <chrono>
#include <cstdint>
#include <map>

namespace bncheck::fuzz {

class Statistics {
 public:
  /// The statistics of this process. If the environment variable BNCHECK_FUZZ_STATS names a file, they are
  /// written there at exit and before a finding ends the process.
  static Statistics& instance();

  void count(std::int64_t elements, bool applicable);
  /// Writes one JSON object: executions, seconds, per_second, per_cpu_second (which does not depend on the
  /// load of the machine), applicable_percent, median_elements.
  void write() const;

 private:
  Statistics() = default;
  std::int64_t median() const;

  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::int64_t executions_ = 0, applicable_ = 0;
  std::map<std::int64_t, std::int64_t> cases_of_size_;  ///< number of cases by elements
};

}  // namespace bncheck::fuzz
