#pragma once
/// What a campaign did: executions, the share of inputs that a law could judge, elements per case.

#include <chrono>
#include <cstdint>
#include <map>

namespace bncheck::fuzz {

class Statistics {
 public:
  /// The one of this process. Where the environment variable BNCHECK_FUZZ_STATS names a file, it is written
  /// at exit and before a finding ends the process.
  static Statistics& instance();

  void count(std::int64_t elements, bool applicable);
  /// One JSON object: executions, seconds, per_second, per_cpu_second (which a busy machine does not lower),
  /// applicable_percent, median_elements.
  void write() const;

 private:
  Statistics() = default;
  std::int64_t median() const;

  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::int64_t executions_ = 0, applicable_ = 0;
  std::map<std::int64_t, std::int64_t> cases_of_size_;  ///< number of cases by elements
};

}  // namespace bncheck::fuzz
