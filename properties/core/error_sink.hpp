#pragma once
/// Observer of judged elements: outputs held against the exact answer.

#include <cstdint>
#include <span>

#include "bncheck/expected.hpp"

namespace bncheck {

struct Run;

/// What the judge found of one element.
struct JudgedElement {
  std::int64_t index = 0;  ///< flat, in logical order
  double got = 0;
  Error error;
};

class ErrorSink {
 public:
  virtual ~ErrorSink() = default;
  /// The elements of one output of a call of the run that were judged.
  virtual void take(const Run& run, std::size_t call, Output output,
                    std::span<const JudgedElement> elements) = 0;
};

}  // namespace bncheck
