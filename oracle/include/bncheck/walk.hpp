#pragma once
/// The walk of a case: what each of its calls meets when those before it went as the contract has it.

#include <cstddef>
#include <optional>
#include <vector>

#include "bncheck/case.hpp"
#include "bncheck/dialect.hpp"
#include "bncheck/error_kind.hpp"

namespace bncheck {

/// The call advances num_batches_tracked where it succeeds.
bool counts_batch(const Config& config, const Forward& forward, const Dialect& dialect);

/// One call after the other, from the first on. Of the state it follows what admission depends on, the
/// counter and loaded states; running statistics keep their values.
class Walk {
 public:
  /// The case and the dialect outlive the walk.
  Walk(const Case& c, const Dialect& dialect)
      : case_(c), dialect_(dialect), config_(c.config), state_(c.state) {}

  bool done() const { return next_ == case_.calls.size(); }
  const Call& call() const { return case_.calls[next_]; }
  const Config& config() const { return config_; }
  const State& before() const { return state_; }
  /// The forward call that a Backward would be the gradient of; null where there is none.
  const Forward* latest() const { return latest_; }
  /// The kinds of error that the contract allows for the call; empty if it must succeed. Throws NoAnswer.
  const std::vector<ErrorKind>& errors();
  void advance();

 private:
  const Case& case_;
  const Dialect& dialect_;
  Config config_;
  State state_;
  const Forward* latest_ = nullptr;
  std::size_t next_ = 0;
  std::optional<std::vector<ErrorKind>> errors_;  ///< of the call, once they were asked for
};

/// The errors of each call.
std::vector<std::vector<ErrorKind>> errors_by_call(const Case& c, const Dialect& dialect);

}  // namespace bncheck
