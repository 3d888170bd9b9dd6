#include <bn/functional.hpp>
#include <optional>

#include "subjects/bn_common.hpp"
#include "subjects/bn_subject.hpp"
#include "subjects/caller_environment.hpp"

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

/// The buffers of one call: everything that the functions read or write is the caller's.
struct Memory {
  CallBuffers tensors;
  OptionalBuffer weight, bias, mean, var;
  GuardedBuffer saved_mean, saved_invstd;
  std::int64_t counter;

  Memory(const Forward& forward, const Exec& exec, const State& state, std::int64_t channels)
      : tensors(forward, exec),
        weight(place(state.weight)),
        bias(place(state.bias)),
        mean(place(state.running_mean)),
        var(place(state.running_var)),
        saved_mean(Shape{channels}, Placement{}),
        saved_invstd(Shape{channels}, Placement{}),
        counter(state.num_batches_tracked) {}

  bool outputs_touched() const {
    return tensors.touched() || !saved_mean.unchanged() || !saved_invstd.unchanged();
  }
  /// Parameters and statistics with all that surrounds them: what a failing call must leave alone.
  bool buffers_touched() const {
    const auto changed = [](const OptionalBuffer& buffer) { return buffer && !buffer->unchanged(); };
    return changed(weight) || changed(bias) || changed(mean) || changed(var);
  }
  std::optional<Death> damage(std::size_t call) const {
    for (const OptionalBuffer* buffer : {&weight, &bias}) {
      if (*buffer && !(*buffer)->unchanged())
        return Death{Death::Cause::input_changed, "weight or bias", call};
    }
    for (const OptionalBuffer* buffer : {&mean, &var}) {
      if (*buffer && !(*buffer)->guards_intact()) {
        return Death{Death::Cause::guard_zone, "around the running statistics", call};
      }
    }
    if (!saved_mean.guards_intact() || !saved_invstd.guards_intact()) {
      return Death{Death::Cause::guard_zone, "around the saved statistics", call};
    }
    return tensors.damage(call);
  }
  State state(const State& before) const {
    State after = before;
    if (mean) after.running_mean = mean->gather();
    if (var) after.running_var = var->gather();
    after.num_batches_tracked = counter;
    return after;
  }
};

/// y covers a parameter or a statistic: the address that the case asks for.
float* y_address(Memory& memory, Overlap overlap) {
  if (overlap == Overlap::y_and_weight && memory.weight) return memory.weight->data();
  if (overlap == Overlap::y_and_running_mean && memory.mean) return memory.mean->data();
  if (overlap == Overlap::y_and_running_var && memory.var) return memory.var->data();
  return memory.tensors.y();
}

/// A case that the functions have no arguments for: a buffer is there or not, which is all they know of the
/// options, and inference takes no counter. Null where they have.
const char* cannot_say(const Config& config, const State& state, const Forward& forward) {
  if (state.weight.has_value() != config.affine || state.bias.has_value() != config.affine) {
    return "parameters that the options deny, or that are missing";
  }
  if (state.running_weight) return "a running_weight";
  const bool counted = forward.training && config.track_running_stats;
  return state.num_batches_tracked < 0 && !counted ? "a counter outside training" : nullptr;
}

void call_forward(const Config& config, const Forward& forward, const Exec& exec, Memory& memory) {
  const bn::Options options = bn_options(config);
  bn::Affine affine;
  if (memory.weight) affine.weight = span_of(memory.weight);
  if (memory.bias) affine.bias = span_of(memory.bias);
  const Shape& shape = forward.x.shape;
  const auto x = view<const float>(memory.tensors.x(), shape, memory.tensors.x_strides());
  const auto y = view<float>(y_address(memory, exec.overlap), shape, memory.tensors.y_strides());
  std::span<float> mean = span_of(memory.mean);
  std::span<float> var = span_of(memory.var);
  if (exec.overlap == Overlap::running_mean_and_var) var = mean;
  const CallerEnvironment environment(exec);
  if (config.track_running_stats && !forward.training) {
    bn::forward_inference(options, affine, x, y, mean, var, {exec.threads});
    return;
  }
  bn::RunningStatistics running{mean, var, &memory.counter};
  const auto channels = static_cast<std::size_t>(std::max<std::int64_t>(config.num_features, 0));
  bn::forward_training(options, affine, x, y, config.track_running_stats ? &running : nullptr,
                       {{memory.saved_mean.data(), channels}, {}, {memory.saved_invstd.data(), channels}},
                       {exec.threads});
}

class BnFunctional : public Subject {
 public:
  BnFunctional() {
    can_.caller_state = true;
    can_.settable = false;
  }

  std::string name() const override { return "bn_functional"; }
  std::string version() const override { return BNCHECK_VERSION; }
  const Capabilities& can() const override { return can_; }

  Outcome run(const Case& c) override {
    Outcome outcome;
    Config config = c.config;
    State state = c.state;
    for (std::size_t k = 0; k < c.calls.size() && !outcome.death; ++k) {
      outcome.replies.push_back(reply(config, state, c.calls[k], k, outcome.death));
      state = outcome.replies.back().state;
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
    const auto* forward = std::get_if<Forward>(&call.operation);
    if (forward == nullptr) return {Failure{ErrorKind::unsupported, "backward", false}, state};
    if (const char* reason = cannot_say(config, state, *forward)) {
      return {Failure{ErrorKind::unsupported, reason, false}, state};
    }
    Memory memory(*forward, call.exec, state, std::max<std::int64_t>(config.num_features, 0));
    try {
      call_forward(config, *forward, call.exec, memory);
    } catch (const bn::Error& error) {
      Failure failure = failure_of(error);
      failure.wrote_outputs = memory.outputs_touched() || memory.buffers_touched();
      return {std::move(failure), memory.state(state)};
    }
    death = memory.damage(index);
    Values values;
    values.outputs.emplace(Output::y, memory.tensors.gather_y());
    if (forward->training || !config.track_running_stats) {
      values.outputs.emplace(Output::saved_mean, memory.saved_mean.gather());
      values.outputs.emplace(Output::saved_invstd, memory.saved_invstd.gather());
    }
    return {std::move(values), memory.state(state)};
  }

  Capabilities can_ = bn_capabilities();
};

}  // namespace

std::unique_ptr<Subject> make_bn_functional() {
  return std::make_unique<BnFunctional>();
}

}  // namespace bncheck
