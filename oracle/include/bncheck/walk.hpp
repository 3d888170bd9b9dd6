#pragma once
/// Walk through a case, call by call: configuration, state and latest forward call before each call, and the
/// answer to the call.

#include <cstddef>
#include <optional>
#include <vector>

#include "bncheck/case.hpp"
#include "bncheck/dialect.hpp"
#include "bncheck/expected.hpp"

namespace bncheck {

/// Whether the call, if it succeeds, advances num_batches_tracked.
bool counts_batch(const Config& config, const Forward& forward, const Dialect& dialect);

/// Effect of a call that succeeds on the configuration and on the state, except for running statistics.
void carry_out(const Call& call, const Dialect& dialect, Config& config, State& state);

/// Forward call that a Backward after `call` would be the gradient of, where `latest` is that before `call`.
const Forward* latest_after(const Call& call, bool succeeded, const Forward* latest);

/// Walk through a case. Each call starts from the configuration and counter that the contract gives after the
/// calls before it, and from the state that the user of the walk passes to `advance`.
class Walk {
 public:
  /// The case and the dialect must outlive the walk. Calls may be added to the end of the case meanwhile.
  Walk(const Case& c, const Dialect& dialect)
      : case_(c), dialect_(dialect), config_(c.config), state_(c.state) {}

  bool done() const { return next_ == case_.calls.size(); }
  /// Index of the call in the case.
  std::size_t index() const { return next_; }
  const Call& call() const { return case_.calls[next_]; }
  const Config& config() const { return config_; }
  const State& before() const { return state_; }
  /// Forward call that a Backward would be the gradient of; null where there is none.
  const Forward* latest() const;
  /// Index of that forward call in the case.
  std::optional<std::size_t> latest_index() const { return latest_; }

  /// Kinds of error that the contract allows for the call; empty if it must succeed. Throws NoAnswer.
  const std::vector<ErrorKind>& errors();
  /// Exact answer, from the state before the call. Throws NoAnswer.
  ExpectedCall expected();

  /// Goes to the next call. The state changes only as far as admission depends on it: by the counter and by
  /// loaded states. Running statistics keep their values. Throws NoAnswer.
  void advance();
  /// Goes to the next call, which starts from this state: what a subject left, or what a right one would have
  /// left. Throws NoAnswer.
  void advance(State after);

 private:
  const Case& case_;
  const Dialect& dialect_;
  Config config_;
  State state_;
  std::optional<std::size_t> latest_;
  std::size_t next_ = 0;
  std::optional<std::vector<ErrorKind>> errors_;  ///< errors of the current call, computed on demand
};

/// Allowed kinds of error for each call. Throws NoAnswer.
std::vector<std::vector<ErrorKind>> errors_by_call(const Case& c, const Dialect& dialect);

}  // namespace bncheck
