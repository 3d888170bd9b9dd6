#pragma once
/// What the exact answer to one call has in common, whatever the call.

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
  /// Of x.
  virtual Dtype data() const = 0;
  virtual ExactNumber value(Output output, std::int64_t index) const = 0;
  /// Preconditions: the value is finite, the numerics' arithmetic is resolved.
  virtual Slack slack(Output output, std::int64_t index, const Numerics& numerics) const = 0;
  /// For a value that is not finite: sound arithmetic cannot miss that, nor its sign.
  virtual bool is_certain(Output output, std::int64_t index, const Numerics& numerics) const;
};

inline bool Answer::is_certain(Output, std::int64_t, const Numerics&) const {
  return true;
}

}  // namespace bncheck
