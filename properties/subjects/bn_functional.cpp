#include <bn/functional.hpp>
#include <optional>

#include "subjects/bn_common.hpp"
#include "subjects/bn_subject.hpp"
#include "subjects/caller_environment.hpp"
#include "subjects/gradient_buffers.hpp"

namespace bncheck {
namespace {

using OptionalBuffer = std::optional<GuardedBuffer>;

OptionalBuffer place(const std::optional<Tensor>& tensor) {
  if (!tensor) return std::nullopt;
  return GuardedBuffer(*tensor, Placement{});
}

std::span<float> span_of(OptionalBuffer& buffer) {
  if (!buffer) return {};
  return {buffer->data(), static_cast<std::size_t>(element_count(buffer->shape()).value_or(0))};
}

/// Parameters and statistics, which the functions take as buffers of the caller in every call.
struct StateBuffers {
  OptionalBuffer weight, bias, mean, var;

  explicit StateBuffers(const State& state)
      : weight(place(state.weight)),
        bias(place(state.bias)),
        mean(place(state.running_mean)),
        var(place(state.running_var)) {}

  bn::Affine affine() {
    bn::Affine affine;
    if (weight) affine.weight = span_of(weight);
    if (bias) affine.bias = span_of(bias);
    return affine;
  }
  /// With all that surrounds them: what a failing call must leave alone.
  bool touched() const { return changed(weight) || changed(bias) || changed(mean) || changed(var); }
  std::optional<Death> damage(std::size_t call, bool may_update) const {
    if (changed(weight) || changed(bias)) return Death{Death::Cause::input_changed, "weight or bias", call};
    if (!may_update && (changed(mean) || changed(var))) {
      return Death{Death::Cause::input_changed, "the running statistics", call};
    }
    for (const OptionalBuffer* buffer : {&mean, &var}) {
      if (*buffer && !(*buffer)->guards_intact()) {
        return Death{Death::Cause::guard_zone, "around the running statistics", call};
      }
    }
    return std::nullopt;
  }
  /// An output that covers a parameter or a statistic: the address that the case asks for.
  float* covered(Overlap overlap, float* otherwise) {
    if (overlap == Overlap::y_and_weight && weight) return weight->data();
    if (overlap == Overlap::y_and_running_mean && mean) return mean->data();
    if (overlap == Overlap::y_and_running_var && var) return var->data();
    return otherwise;
  }

 private:
  static bool changed(const OptionalBuffer& buffer) { return buffer && !buffer->unchanged(); }
};

/// The buffers of one forward call: everything that the functions read or write is the caller's.
struct Memory {
  CallBuffers tensors;
  StateBuffers state_buffers;
  GuardedBuffer saved_mean, saved_invstd;
  std::int64_t counter;

  Memory(const Forward& forward, const Exec& exec, const State& state, std::int64_t channels)
      : tensors(forward.x, exec),
        state_buffers(state),
        saved_mean(Shape{channels}, Placement{}),
        saved_invstd(Shape{channels}, Placement{}),
        counter(state.num_batches_tracked) {}

  bool touched() const {
    return tensors.touched() || !saved_mean.unchanged() || !saved_invstd.unchanged() ||
           state_buffers.touched();
  }
  std::optional<Death> damage(std::size_t call) const {
    if (auto death = state_buffers.damage(call, true)) return death;
    if (!saved_mean.guards_intact() || !saved_invstd.guards_intact()) {
      return Death{Death::Cause::guard_zone, "around the saved statistics", call};
    }
    return tensors.damage(call);
  }
  State state(const State& before) const {
    State after = before;
    if (state_buffers.mean) after.running_mean = state_buffers.mean->gather();
    if (state_buffers.var) after.running_var = state_buffers.var->gather();
    after.num_batches_tracked = counter;
    return after;
  }
};

/// A case that the functions have no arguments for: a buffer is there or not, which is all they know of the
/// options, and inference takes no counter. Null where they have.
const char* cannot_say(const Config& config, const State& state, const Forward& forward) {
  if (state.weight.has_value() != config.affine || state.bias.has_value() != config.affine) {
    return "parameters that the options deny, or that are missing";
  }
  if (state.running_weight) return "a running_weight";
  const bool counted = updates_running(config, forward);
  return state.num_batches_tracked < 0 && !counted ? "a counter outside training" : nullptr;
}

void call_forward(const Config& config, const Forward& forward, const Exec& exec, Memory& memory) {
  const bn::Options options = bn_options(config);
  StateBuffers& state = memory.state_buffers;
  const Shape& shape = forward.x.shape;
  const auto x = view<const float>(memory.tensors.in(), shape, memory.tensors.in_strides());
  const auto y =
      view<float>(state.covered(exec.overlap, memory.tensors.out()), shape, memory.tensors.out_strides());
  std::span<float> mean = span_of(state.mean);
  std::span<float> var = span_of(state.var);
  if (exec.overlap == Overlap::running_mean_and_var) var = mean;
  const CallerEnvironment environment(exec);
  if (config.track_running_stats && !forward.training) {
    bn::forward_inference(options, state.affine(), x, y, mean, var, {exec.threads});
    return;
  }
  bn::RunningStatistics running{mean, var, &memory.counter};
  const auto channels = static_cast<std::size_t>(std::max<std::int64_t>(config.num_features, 0));
  bn::forward_training(options, state.affine(), x, y, config.track_running_stats ? &running : nullptr,
                       {{memory.saved_mean.data(), channels}, {}, {memory.saved_invstd.data(), channels}},
                       {exec.threads});
}

void call_gradient(const Config& config, const Forward& forward, const Backward& backward, const Exec& exec,
                   StateBuffers& state, GradientBuffers& buffers) {
  const bn::Options options = bn_options(config);
  const bool given = config.track_running_stats && !forward.training;
  call_backward(buffers, forward, backward, [&](const auto& x, const auto& dy, auto gradients) {
    // Running statistics are no part of a call that uses the batch's.
    const bool covers = exec.overlap == Overlap::y_and_weight || given;
    if (gradients.dx && covers) gradients.dx->data = state.covered(exec.overlap, gradients.dx->data);
    const CallerEnvironment environment(exec);
    if (given) {
      bn::backward_inference(options, state.affine(), x, dy, gradients, span_of(state.mean),
                             span_of(state.var), {exec.threads});
    } else {
      bn::backward_training(options, state.affine(), x, dy, gradients, {exec.threads});
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
  /// The functions hold no state: SetMomentum and Load are the caller's own affair.
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
    Memory memory(forward, call.exec, state, std::max<std::int64_t>(config.num_features, 0));
    try {
      call_forward(config, forward, call.exec, memory);
    } catch (const bn::Error& error) {
      Failure failure = failure_of(error);
      failure.wrote_outputs = memory.touched();
      return {std::move(failure), memory.state(state)};
    }
    death = memory.damage(index);
    Values values;
    values.outputs.emplace(Output::y, memory.tensors.gather_out());
    if (uses_batch(config, forward)) {
      values.outputs.emplace(Output::saved_mean, memory.saved_mean.gather());
      values.outputs.emplace(Output::saved_invstd, memory.saved_invstd.gather());
    }
    return {std::move(values), memory.state(state)};
  }

  /// The functions are given x, and know of no forward call.
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
    StateBuffers buffers(state);
    GradientBuffers gradients(forward, latest->exec, backward, exec, config.num_features);
    try {
      call_gradient(config, forward, backward, exec, buffers, gradients);
    } catch (const bn::Error& error) {
      Failure failure = failure_of(error);
      failure.wrote_outputs = gradients.touched() || buffers.touched();
      return {std::move(failure), state};
    }
    death = buffers.damage(index, false);
    if (!death) death = gradients.damage(index);
    return {gradients.gather(), state};
  }

  Capabilities can_ = bn_capabilities();
};

}  // namespace

std::unique_ptr<Subject> make_bn_functional() {
  return std::make_unique<BnFunctional>();
}

}  // namespace bncheck
