#include "subjects/recorded.hpp"

#include "bncheck/walk.hpp"

namespace bncheck {
namespace {

/// State after a call that returned values. A statistic in the file has the value of the file. One that the
/// call owes and the file lacks is absent. All others are unchanged.
State state_after(const RecordedCall& recorded, const ExpectedCall& expected) {
  State state = expected.state;
  for (const auto& [output, tensor] : expected.outputs) {
    if (const auto member = member_of(output)) (state.*member).reset();
  }
  for (const auto& [output, tensor] : recorded.outputs) {
    if (const auto member = member_of(output)) state.*member = tensor;
  }
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
  for (Walk walk(c, can_.dialect); !walk.done(); walk.advance(outcome.replies.back().state)) {
    outcome.replies.push_back(replayed(file_.calls[walk.index()], walk.expected(), walk.before()));
  }
  return outcome;
}

}  // namespace bncheck
