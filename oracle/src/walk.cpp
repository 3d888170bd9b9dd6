#include "bncheck/walk.hpp"

#include <utility>

namespace bncheck {

bool counts_batch(const Config& config, const Forward& forward, const Dialect& dialect) {
  const bool empty = element_count(forward.x.shape).value_or(0) == 0;
  return updates_running(config, forward) && dialect.averaging != Averaging::none &&
         !(empty && dialect.empty_batch == EmptyBatch::untouched);
}

void carry_out(const Call& call, const Dialect& dialect, Config& config, State& state) {
  if (const auto* forward = std::get_if<Forward>(&call.operation)) {
    if (counts_batch(config, *forward, dialect)) ++state.num_batches_tracked;
  } else if (const auto* set = std::get_if<SetMomentum>(&call.operation)) {
    config.momentum = set->momentum;
  } else if (const auto* load = std::get_if<Load>(&call.operation)) {
    state = load->state;
  }
}

const Forward* latest_after(const Call& call, bool succeeded, const Forward* latest) {
  if (!succeeded) return latest;
  if (const auto* forward = std::get_if<Forward>(&call.operation)) return forward;
  return std::holds_alternative<Load>(call.operation) ? nullptr : latest;
}

const Forward* Walk::latest() const {
  return latest_ ? &std::get<Forward>(case_.calls[*latest_].operation) : nullptr;
}

const std::vector<ErrorKind>& Walk::errors() {
  if (!errors_) errors_ = errors_of(config_, state_, call(), dialect_, latest());
  return *errors_;
}

ExpectedCall Walk::expected() {
  ExpectedCall answer = expect(config_, state_, call(), dialect_, latest());
  errors_ = answer.errors;
  return answer;
}

void Walk::advance() {
  const bool succeeded = errors().empty();
  const Forward* before = latest();
  const Forward* now = latest_after(call(), succeeded, before);
  if (succeeded) carry_out(call(), dialect_, config_, state_);
  if (now == nullptr) {
    latest_.reset();
  } else if (now != before) {
    latest_ = next_;
  }
  ++next_;
  errors_.reset();
}

void Walk::advance(State after) {
  advance();
  state_ = std::move(after);
}

std::vector<std::vector<ErrorKind>> errors_by_call(const Case& c, const Dialect& dialect) {
  std::vector<std::vector<ErrorKind>> errors;
  for (Walk walk(c, dialect); !walk.done(); walk.advance()) errors.push_back(walk.errors());
  return errors;
}

}  // namespace bncheck
