#include "bncheck/walk.hpp"

#include "bncheck/expected.hpp"

namespace bncheck {

bool counts_batch(const Config& config, const Forward& forward, const Dialect& dialect) {
  const bool empty = element_count(forward.x.shape).value_or(0) == 0;
  return forward.training && config.track_running_stats && dialect.averaging != Averaging::none &&
         !(empty && dialect.empty_batch == EmptyBatch::untouched);
}

const std::vector<ErrorKind>& Walk::errors() {
  if (!errors_) errors_ = errors_of(config_, state_, call(), dialect_, latest_);
  return *errors_;
}

void Walk::advance() {
  if (errors().empty()) {
    const Operation& operation = call().operation;
    if (const auto* forward = std::get_if<Forward>(&operation)) {
      latest_ = forward;
      if (counts_batch(config_, *forward, dialect_)) ++state_.num_batches_tracked;
    } else if (const auto* set = std::get_if<SetMomentum>(&operation)) {
      config_.momentum = set->momentum;
    } else if (const auto* load = std::get_if<Load>(&operation)) {
      state_ = load->state;
      latest_ = nullptr;
    }
  }
  ++next_;
  errors_.reset();
}

std::vector<std::vector<ErrorKind>> errors_by_call(const Case& c, const Dialect& dialect) {
  std::vector<std::vector<ErrorKind>> errors;
  for (Walk walk(c, dialect); !walk.done(); walk.advance()) errors.push_back(walk.errors());
  return errors;
}

}  // namespace bncheck
