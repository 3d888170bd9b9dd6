#pragma once
/// The walk of a case, call by call: the configuration, the state and the forward call that each of its calls
/// meets, and what it owes.

#include <cstddef>
#include <optional>
#include <vector>

#include "bncheck/case.hpp"
#include "bncheck/dialect.hpp"
#include "bncheck/expected.hpp"

namespace bncheck {

/// The call advances num_batches_tracked where it succeeds.
bool counts_batch(const Config& config, const Forward& forward, const Dialect& dialect);

/// What a call that succeeds makes of the configuration and, but for running statistics, of the state.
void carry_out(const Call& call, const Dialect& dialect, Config& config, State& state);

/// The forward call that a Backward after `call` would be the gradient of, where `latest` was it before.
const Forward* latest_after(const Call& call, bool succeeded, const Forward* latest);

/// Each call meets what the contract makes of those before it, and the state that is given for them.
class Walk {
 public:
  /// The case, to whose end calls may be added meanwhile, and the dialect outlive the walk.
  Walk(const Case& c, const Dialect& dialect)
      : case_(c), dialect_(dialect), config_(c.config), state_(c.state) {}

  bool done() const { return next_ == case_.calls.size(); }
  /// Of the call in the case.
  std::size_t index() const { return next_; }
  const Call& call() const { return case_.calls[next_]; }
  const Config& config() const { return config_; }
  const State& before() const { return state_; }
  /// The forward call that a Backward would be the gradient of; null where there is none.
  const Forward* latest() const;
  /// Its place in the case.
  std::optional<std::size_t> latest_index() const { return latest_; }

  /// The kinds of error that the contract allows for the call; empty if it must succeed. Throws NoAnswer.
  const std::vector<ErrorKind>& errors();
  /// The exact answer, from the state before the call. Throws NoAnswer.
  ExpectedCall expected();

  /// To the next call. The state changes as far as admission depends on it, by the counter and by loaded
  /// states; running statistics keep their values.
  void advance();
  /// To the next call, which meets this state: what a subject left, or a right one would have.
  void advance(State after);

 private:
  const Case& case_;
  const Dialect& dialect_;
  Config config_;
  State state_;
  std::optional<std::size_t> latest_;
  std::size_t next_ = 0;
  std::optional<std::vector<ErrorKind>> errors_;  ///< of the call, once they were asked for
};

/// The errors of each call.
std::vector<std::vector<ErrorKind>> errors_by_call(const Case& c, const Dialect& dialect);

}  // namespace bncheck
