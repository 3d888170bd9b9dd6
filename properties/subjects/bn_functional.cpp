#include <bn/functional.hpp>
#include <optional>

#include "subjects/bn_common.hpp"
#include "subjects/bn_subject.hpp"
#include "subjects/memory/caller_environment.hpp"
#include "subjects/memory/forward_buffers.hpp"
#include "subjects/memory/gradient_buffers.hpp"

namespace bncheck {
namespace {

bn::Affine affine_of(StateBuffers& state) {
  bn::Affine affine;
  if (state.weight) affine.weight = span_of(state.weight);
  if (state.bias) affine.bias = span_of(state.bias);
  return affine;
}

/// Address of the parameter or statistic that the output covers in this case; `otherwise` if it covers none.
float* covered(StateBuffers& state, Overlap overlap, float* otherwise) {
  if (overlap == Overlap::y_and_weight && state.weight) return state.weight->data();
  if (overlap == Overlap::y_and_running_mean && state.running_mean) return state.running_mean->data();
  if (overlap == Overlap::y_and_running_var && state.running_var) return state.running_var->data();
  return otherwise;
}

/// Reason why the functions have no arguments for the case; null if they have. All they know of the options
/// is which buffers exist, and inference takes no counter.
const char* cannot_say(const Config& config, const State& state, const Forward& forward) {
  if (state.weight.has_value() != config.weight || state.bias.has_value() != config.bias) {
    return "parameters that the options deny, or that are missing";
  }
  if (state.running_weight) return "a running_weight";
  const bool counted = updates_running(config, forward);
  return state.num_batches_tracked < 0 && !counted ? "a counter outside training" : nullptr;
}

void call_forward(const Config& config, const Forward& forward, const Exec& exec, ForwardBuffers& buffers,
                  std::int64_t& counter) {
  const bn::Options options = bn_options(config);
  StateBuffers& state = buffers.state;
  const auto x = view<const float>(buffers.tensors.in_region());
  auto y = view<float>(buffers.tensors.out_region());
  y.data = covered(state, exec.overlap, y.data);
  std::span<float> mean = span_of(state.running_mean);
  std::span<float> var = span_of(state.running_var);
  if (exec.overlap == Overlap::running_mean_and_var) var = mean;
  const CallerEnvironment environment(exec);
  if (config.track_running_stats && !forward.training) {
    bn::forward_inference(options, affine_of(state), x, y, mean, var, {exec.threads});
    return;
  }
  bn::RunningStatistics running{mean, var, &counter};
  bn::forward_training(options, affine_of(state), x, y, config.track_running_stats ? &running : nullptr,
                       {span_of(buffers.saved.mean), {}, span_of(buffers.saved.invstd)}, {exec.threads});
}

void call_gradient(const Config& config, const Forward& forward, const Backward& backward, const Exec& exec,
                   GradientBuffers& buffers) {
  const bn::Options options = bn_options(config);
  StateBuffers& state = buffers.state();
  const bool given = config.track_running_stats && !forward.training;
  call_backward(buffers, backward, [&](const auto& x, const auto& dy, auto gradients) {
    // A backward call with the batch's statistics takes no running statistics, so dx cannot cover them.
    const bool covers = exec.overlap == Overlap::y_and_weight || given;
    if (gradients.dx && covers) gradients.dx->data = covered(state, exec.overlap, gradients.dx->data);
    const CallerEnvironment environment(exec);
    if (given) {
      bn::backward_inference(options, affine_of(state), x, dy, gradients, span_of(state.running_mean),
                             span_of(state.running_var), {exec.threads});
    } else {
      bn::backward_training(options, affine_of(state), x, dy, gradients, {exec.threads});
    }
  });
}

class BnFunctional : public Subject {
 public:
  BnFunctional() {
    can_.caller_state = true;
    can_.settable = false;
    can_.remembers_forward = false;
  }

  std::string name() const override { return "bn_functional"; }
  std::string version() const override { return BNCHECK_VERSION; }
  const Capabilities& can() const override { return can_; }

  Outcome run(const Case& c) override {
    Outcome outcome;
    Config config = c.config;
    State state = c.state;
    const Call* latest = nullptr;
    for (std::size_t k = 0; k < c.calls.size() && !outcome.death; ++k) {
      const Call& call = c.calls[k];
      if (const auto* backward = std::get_if<Backward>(&call.operation)) {
        outcome.replies.push_back(
            gradient_reply(config, state, *backward, call.exec, latest, k, outcome.death));
        continue;
      }
      outcome.replies.push_back(reply(config, state, call, k, outcome.death));
      state = outcome.replies.back().state;
      const bool done = std::holds_alternative<Values>(outcome.replies.back().result);
      if (done && std::holds_alternative<Forward>(call.operation)) latest = &call;
      if (std::holds_alternative<Load>(call.operation)) latest = nullptr;
    }
    return outcome;
  }

 private:
  /// Reply to any call but Backward. The functions hold no state, so SetMomentum and Load only change the
  /// arguments of later calls.
  static Reply reply(Config& config, const State& state, const Call& call, std::size_t index,
                     std::optional<Death>& death) {
    if (const auto* set = std::get_if<SetMomentum>(&call.operation)) {
      config.momentum = set->momentum;
      return {Values{}, state};
    }
    if (const auto* load = std::get_if<Load>(&call.operation)) return {Values{}, load->state};
    const auto& forward = std::get<Forward>(call.operation);
    if (const char* reason = cannot_say(config, state, forward)) {
      return {Failure{ErrorKind::unsupported, reason, false}, state};
    }
    ForwardBuffers buffers(state, forward.x, call.exec, Saved::mean_invstd, config.num_features);
    Reply reply{Values{}, state};
    try {
      call_forward(config, forward, call.exec, buffers, reply.state.num_batches_tracked);
      death = buffers.damage(index, true);
      reply.result = buffers.gather(uses_batch(config, forward));
    } catch (const bn::Error& error) {
      Failure failure = failure_of(error);
      failure.wrote_outputs = buffers.touched();
      reply.result = std::move(failure);
    }
    buffers.state.gather_into(reply.state);
    return reply;
  }

  /// Reply to a Backward. The functions remember no forward call and are given its x.
  static Reply gradient_reply(const Config& config, const State& state, const Backward& backward,
                              const Exec& exec, const Call* latest, std::size_t index,
                              std::optional<Death>& death) {
    const auto unsupported = [&](const char* reason) {
      return Reply{Failure{ErrorKind::unsupported, reason, false}, state};
    };
    if (latest == nullptr) return unsupported("a gradient without its x");
    const auto& forward = std::get<Forward>(latest->operation);
    if (backward.training.value_or(forward.training) != forward.training) return unsupported("two modes");
    if (const char* reason = cannot_say(config, state, forward)) return unsupported(reason);
    GradientBuffers buffers(state, forward, latest->exec, backward, exec, config.num_features);
    try {
      call_gradient(config, forward, backward, exec, buffers);
    } catch (const bn::Error& error) {
      Failure failure = failure_of(error);
      failure.wrote_outputs = buffers.touched();
      return {std::move(failure), state};
    }
    death = buffers.damage(index);
    return {buffers.gather(), state};
  }

  Capabilities can_ = bn_capabilities();
};

}  // namespace

std::unique_ptr<Subject> make_bn_functional() {
  return std::make_unique<BnFunctional>();
}

}  // namespace bncheck
