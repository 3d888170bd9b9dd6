#pragma once
/// Observer of judged elements: outputs that were compared with the exact answer.

#include <cstdint>
#include <span>

#include "bncheck/expected.hpp"

namespace bncheck {

struct Run;

/// The judge's result for one element.
struct JudgedElement {
  std::int64_t index = 0;  ///< flat index in logical order
  double got = 0;
  Error error;
  bool has_bound = true;  ///< false: out of range, and no law can say what a result is worth there
};

class ErrorSink {
 public:
  virtual ~ErrorSink() = default;
  /// Receives the judged elements of one output of a call of the run.
  virtual void take(const Run& run, std::size_t call, Output output,
                    std::span<const JudgedElement> elements) = 0;
};

}  // namespace bncheck
