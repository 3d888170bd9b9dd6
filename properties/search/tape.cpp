#include "search/tape.hpp"

#include <algorithm>
#include <utility>

#include "core/runner.hpp"

namespace bncheck {
namespace {

bool same_reply(const Reply& a, const Reply& b) {
  if (a.state != b.state || a.result.index() != b.result.index()) return false;
  if (const auto* values = std::get_if<Values>(&a.result)) {
    return values->outputs == std::get<Values>(b.result).outputs;
  }
  const auto& failure = std::get<Failure>(a.result);
  const auto& other = std::get<Failure>(b.result);
  return failure.kind == other.kind && failure.wrote_outputs == other.wrote_outputs;
}

}  // namespace

bool same_outcome(const Outcome& a, const Outcome& b) {
  return a.death.has_value() == b.death.has_value() && std::ranges::equal(a.replies, b.replies, same_reply);
}

Outcome Recorder::run(const Case& c) {
  tape_.cases.push_back(c);
  tape_.outcomes.push_back(subject_.run(c));
  return tape_.outcomes.back();
}

Tape Recorder::take() {
  return std::exchange(tape_, {});
}

Replayed replay_until_different(const Tape& tape, Subject& subject) {
  Replayed replayed;
  for (std::size_t k = 0; k < tape.cases.size() && !replayed.differs; ++k) {
    replayed.outcomes.push_back(outcome_of(subject, tape.cases[k]));
    replayed.differs = !same_outcome(replayed.outcomes.back(), tape.outcomes[k]);
  }
  return replayed;
}

Outcome Resumed::run(const Case& c) {
  return next_ < outcomes_.size() ? std::move(outcomes_[next_++]) : subject_.run(c);
}

}  // namespace bncheck
