#pragma once
/// Common interface of the exact answers to single calls.

#include "bncheck/expected.hpp"

namespace bncheck {

class Answer {
 public:
  Answer() = default;
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  virtual ~Answer() = default;

  virtual const Shape& shape(Output output) const = 0;
  virtual Dtype dtype(Output output) const = 0;
  /// Dtype of x.
  virtual Dtype data() const = 0;
  virtual ExactNumber value(Output output, std::int64_t index) const = 0;
  /// Slack of one element. Preconditions: the value is finite, the arithmetic of the numerics is resolved.
  virtual Slack slack(Output output, std::int64_t index, const Numerics& numerics) const = 0;
  /// For a value that is not finite: whether sound arithmetic must find it, with its sign.
  virtual bool is_certain(Output output, std::int64_t index, const Numerics& numerics) const;
};

inline bool Answer::is_certain(Output, std::int64_t, const Numerics&) const {
  return true;
}

}  // namespace bncheck
