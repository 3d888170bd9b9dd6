#include "subjects/recorded.hpp"

namespace bncheck {
namespace {

/// The state after a call that returned values: what the file has of the statistics, nothing where it lacks
/// what the call had to leave, and what it was where it had nothing to leave.
State state_after(const RecordedCall& recorded, const ExpectedCall& expected) {
  State state = expected.state;
  const auto take = [&](Output output, std::optional<Tensor>& tensor) {
    const auto found = recorded.outputs.find(output);
    if (found != recorded.outputs.end()) {
      tensor = found->second;
    } else if (expected.outputs.contains(output)) {
      tensor.reset();
    }
  };
  take(Output::running_mean, state.running_mean);
  take(Output::running_var, state.running_var);
  take(Output::running_weight, state.running_weight);
  state.num_batches_tracked = recorded.num_batches_tracked.value_or(state.num_batches_tracked);
  return state;
}

Reply replayed(const RecordedCall& recorded, const ExpectedCall& expected, const State& before) {
  if (!recorded.errors.empty()) return {Failure{recorded.errors.front(), recorded.message, false}, before};
  Values values;
  for (const auto& [output, tensor] : recorded.outputs) {
    if (!is_state(output)) values.outputs.emplace(output, tensor);
  }
  return {std::move(values), state_after(recorded, expected)};
}

}  // namespace

Outcome RecordedSubject::run(const Case& c) {
  Outcome outcome;
  Config config = c.config;
  State state = c.state;
  std::shared_ptr<const Forward> latest;
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    const ExpectedCall expected = expect(config, state, c.calls[k], can_.dialect, latest);
    outcome.replies.push_back(replayed(file_.calls[k], expected, state));
    config = expected.config;
    latest = expected.latest;
    state = outcome.replies.back().state;
  }
  return outcome;
}

}  // namespace bncheck
