#include "subjects/memory/single_call.hpp"

#include <array>
#include <utility>

#include "subjects/memory/owed_outputs.hpp"

namespace bncheck {
namespace {

constexpr std::array<std::pair<CallKind, std::string_view>, 4> call_kinds{
    {{CallKind::forward_training, "forward_training"},
     {CallKind::forward_inference, "forward_inference"},
     {CallKind::backward_training, "backward_training"},
     {CallKind::backward_inference, "backward_inference"}}};

class CallSequence {
 public:
  CallSequence(const Case& c, const Dialect& dialect, const std::function<CallReply(const SingleCall&)>& take)
      : dialect_(dialect), take_(take), config_(c.config), state_(c.state) {}

  Outcome run(const std::vector<Call>& calls) {
    for (const Call& call : calls) {
      if (const auto* forward = std::get_if<Forward>(&call.operation)) {
        run_forward(*forward, call);
      } else if (const auto* backward = std::get_if<Backward>(&call.operation)) {
        run_backward(*backward, call);
      } else {
        set(call.operation);
      }
      if (outcome_.death) break;
    }
    return std::move(outcome_);
  }

 private:
  void set(const Operation& operation) {
    if (const auto* set = std::get_if<SetMomentum>(&operation)) {
      config_.momentum = set->momentum;
    } else {
      state_ = std::get<Load>(operation).state;
      latest_ = nullptr;
    }
    outcome_.replies.push_back({Values{}, state_});
  }

  SingleCall request(CallKind kind, const Forward& forward, const State& state) const {
    SingleCall single;
    single.kind = kind;
    single.config = config_;
    single.config.momentum = interface_momentum(config_.momentum, dialect_);
    single.state = state;
    single.x = &forward.x;
    return single;
  }

  /// Runs a forward call. Inference without running statistics is training that has nothing to update.
  void run_forward(const Forward& forward, const Call& call) {
    const bool batch = uses_batch(config_, forward);
    SingleCall single =
        request(batch ? CallKind::forward_training : CallKind::forward_inference, forward, state_);
    single.x_exec = call.exec;
    CallReply reply = take_(single);
    const State before = state_;
    if (!finish(reply, owed(config_, state_, call, dialect_, nullptr), forward.training)) return;
    latest_ = &call;
    latest_state_ = before;
  }

  void run_backward(const Backward& backward, const Call& call) {
    if (latest_ == nullptr) {
      refuse(ErrorKind::unsupported, "the gradient of no forward call");
      return;
    }
    const auto& forward = std::get<Forward>(latest_->operation);
    if (backward.training.value_or(forward.training) != forward.training) {
      refuse(ErrorKind::unsupported, "the gradient of a forward call in another mode");
      return;
    }
    SingleCall single =
        request(uses_batch(config_, forward) ? CallKind::backward_training : CallKind::backward_inference,
                forward, latest_state_);
    single.dy = &backward.dy;
    single.x_exec = latest_->exec;
    single.gradient_exec = call.exec;
    single.want_dx = backward.want_dx;
    single.want_dweight = backward.want_dweight && config_.weight;
    single.want_dbias = backward.want_dbias && config_.bias;
    CallReply reply = take_(single);
    finish(reply, owed(config_, state_, call, dialect_, &forward), false);
  }

  void refuse(ErrorKind kind, std::string message) {
    outcome_.replies.push_back({Failure{kind, std::move(message), false}, state_});
  }

  /// Adds the reply to the outcome. false if it is a rejection or ends the case.
  bool finish(CallReply& reply, const std::vector<OwedOutput>& owed, bool counts) {
    if (reply.death) {
      outcome_.death = std::move(reply.death);
      outcome_.death->call = outcome_.replies.size();
      return false;
    }
    if (auto* failure = std::get_if<Failure>(&reply.result)) {
      outcome_.replies.push_back({std::move(*failure), state_});
      return false;
    }
    auto& outputs = std::get<std::map<Output, Tensor>>(reply.result);
    Values values;
    bool updates = false;
    for (const OwedOutput& want : owed) {
      const auto found = outputs.find(want.output);
      if (const std::string fault = fault_of(want, found == outputs.end() ? nullptr : &found->second);
          !fault.empty()) {
        outcome_.death = Death{Death::Cause::protocol, fault, outcome_.replies.size()};
        return false;
      }
      if (const auto member = member_of(want.output)) {
        state_.*member = std::move(found->second);
        updates = true;
      } else {
        values.outputs.emplace(want.output, std::move(found->second));
      }
    }
    if (!keep_unowed(outputs)) return false;
    if (counts) state_.num_batches_tracked = reply.num_batches_tracked.value_or(counted(updates));
    outcome_.replies.push_back({std::move(values), state_});
    return true;
  }

  /// Keeps statistics that come back although the call had nothing to do with them: they are what the subject
  /// left there. false if one has another shape or dtype, which ends the case.
  bool keep_unowed(std::map<Output, Tensor>& outputs) {
    for (auto& [output, tensor] : outputs) {
      const auto member = member_of(output);
      // Owed tensors have been moved from.
      if (member == nullptr || !(state_.*member) || tensor.bytes.empty()) continue;
      std::optional<Tensor>& kept = state_.*member;
      if (const std::string fault = fault_of({output, kept->dtype, kept->shape}, &tensor); !fault.empty()) {
        outcome_.death = Death{Death::Cause::protocol, fault, outcome_.replies.size()};
        return false;
      }
      kept = std::move(tensor);
    }
    return true;
  }

  /// Counter after the call. It wraps around and does not overflow: a program may have sent any counter.
  std::int64_t counted(bool updates) const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(state_.num_batches_tracked) +
                                     (updates ? 1U : 0U));
  }

  const Dialect& dialect_;
  const std::function<CallReply(const SingleCall&)>& take_;
  Config config_;
  State state_;
  Outcome outcome_;
  const Call* latest_ = nullptr;  ///< the forward call that a backward call is the gradient of
  State latest_state_;            ///< state before that forward call
};

}  // namespace

std::string_view name_of(CallKind kind) {
  for (const auto& [key, name] : call_kinds) {
    if (key == kind) return name;
  }
  return "?";
}
std::optional<CallKind> call_kind_named(std::string_view wanted) {
  for (const auto& [key, name] : call_kinds) {
    if (name == wanted) return key;
  }
  return std::nullopt;
}

std::optional<double> interface_momentum(std::optional<double> momentum, const Dialect& dialect) {
  const bool of_new = dialect.averaging == Averaging::new_weight || dialect.averaging == Averaging::none;
  if (!momentum || of_new) return momentum;
  return 1 - *momentum;
}

Outcome run_single_calls(const Case& c, const Dialect& dialect,
                         const std::function<CallReply(const SingleCall&)>& take) {
  return CallSequence(c, dialect, take).run(c.calls);
}

}  // namespace bncheck
