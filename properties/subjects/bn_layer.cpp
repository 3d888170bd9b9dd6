#include <bn/batch_norm.hpp>
#include <optional>

#include "subjects/bn_common.hpp"
#include "subjects/bn_subject.hpp"
#include "subjects/memory/caller_environment.hpp"
#include "subjects/memory/forward_buffers.hpp"
#include "subjects/memory/gradient_buffers.hpp"

namespace bncheck {
namespace {

std::optional<std::vector<float>> to_vector(const std::optional<Tensor>& tensor) {
  if (!tensor) return std::nullopt;
  const std::span<const float> values = tensor->floats();
  return std::vector<float>(values.begin(), values.end());
}

std::optional<Tensor> to_tensor(const std::optional<std::vector<float>>& values) {
  if (!values) return std::nullopt;
  return Tensor::of({static_cast<std::int64_t>(values->size())}, *values);
}

bn::State to_bn(const State& state) {
  return {to_vector(state.weight), to_vector(state.bias), to_vector(state.running_mean),
          to_vector(state.running_var), state.num_batches_tracked};
}

State from_bn(const bn::State& state) {
  State result;
  result.weight = to_tensor(state.weight);
  result.bias = to_tensor(state.bias);
  result.running_mean = to_tensor(state.running_mean);
  result.running_var = to_tensor(state.running_var);
  result.num_batches_tracked = state.num_batches_tracked;
  return result;
}

/// A layer that exists for all calls of a case.
class Session {
 public:
  explicit Session(const Case& c)
      : layer_(static_cast<bn::Dimensions>(c.config.dimensions),
               {c.config.num_features, c.config.eps, c.config.momentum, c.config.weight, c.config.bias,
                c.config.track_running_stats},
               to_bn(c.state)),
        idle_counter_(c.state.num_batches_tracked) {}

  State state() const {
    State state = from_bn(layer_.state());
    if (!layer_.options().track_running_stats) state.num_batches_tracked = idle_counter_;
    return state;
  }

  /// Runs a call. Throws bn::Error. Sets `death` if a call that returned did damage, `touched` if a call that
  /// failed changed a buffer.
  Values run(const Call& call, std::size_t index, std::optional<Death>& death, bool& touched) {
    if (const auto* forward = std::get_if<Forward>(&call.operation)) {
      Values values = run_forward(*forward, call.exec, index, death, touched);
      latest_ = &call;
      return values;
    }
    if (const auto* backward = std::get_if<Backward>(&call.operation)) {
      return run_backward(*backward, call.exec, index, death, touched);
    }
    if (const auto* set = std::get_if<SetMomentum>(&call.operation)) {
      layer_.set_momentum(set->momentum);
    } else if (const auto* loading = std::get_if<Load>(&call.operation)) {
      load(loading->state);
    }
    return {};
  }

 private:
  void load(const State& state) {
    layer_.load(to_bn(state));
    idle_counter_ = state.num_batches_tracked;
    latest_ = nullptr;
  }

  Values run_forward(const Forward& forward, const Exec& exec, std::size_t index, std::optional<Death>& death,
                     bool& touched) {
    const Shape& shape = forward.x.shape;
    const bool has_channels = shape.size() >= 2 && shape[1] == layer_.options().num_features;
    // A call that must be rejected gets no memory for a large number of statistics.
    constexpr std::int64_t most_refused = 1 << 16;
    const std::int64_t features = layer_.options().num_features;
    const std::int64_t length = has_channels || features <= most_refused ? features : 0;
    // The layer owns its parameters and statistics.
    ForwardBuffers buffers({}, forward.x, exec, Saved::mean_invstd, length);
    try {
      const auto x = view<const float>(buffers.tensors.in_region());
      const auto y = view<float>(buffers.tensors.out_region());
      layer_.train(forward.training);
      const CallerEnvironment environment(exec);
      layer_.forward(x, y, {span_of(buffers.saved.mean), {}, span_of(buffers.saved.invstd)}, {exec.threads});
    } catch (const bn::Error&) {
      touched = buffers.touched();
      throw;
    }
    death = buffers.damage(index, true);
    return buffers.gather(forward.training || !layer_.options().track_running_stats);
  }

  Values run_backward(const Backward& backward, const Exec& exec, std::size_t index,
                      std::optional<Death>& death, bool& touched) {
    // Without a forward call there is no x, and the call must be rejected. The values of dy stand for x.
    const Forward none{true, backward.dy};
    const Forward& forward = latest_ != nullptr ? std::get<Forward>(latest_->operation) : none;
    const Exec& forward_exec = latest_ != nullptr ? latest_->exec : Exec{};
    GradientBuffers buffers({}, forward, forward_exec, backward, exec, layer_.options().num_features);
    try {
      layer_.train(backward.training.value_or(forward.training));
      call_backward(buffers, backward, [&](const auto& x, const auto& dy, const auto& gradients) {
        const CallerEnvironment environment(exec);
        layer_.backward(x, dy, gradients, {exec.threads});
      });
    } catch (const bn::Error&) {
      touched = buffers.touched();
      throw;
    }
    death = buffers.damage(index);
    return buffers.gather();
  }

  bn::BatchNorm layer_;
  const Call* latest_ = nullptr;  ///< the forward call that the layer has a gradient of
  /// Counter of a layer that does not track and so has none: the case's own.
  std::int64_t idle_counter_ = 0;
};

class BnLayer : public Subject {
 public:
  std::string name() const override { return "bn"; }
  std::string version() const override { return BNCHECK_VERSION; }
  const Capabilities& can() const override { return can_; }

  Outcome run(const Case& c) override {
    Outcome outcome;
    std::optional<Session> session;
    std::optional<Failure> refused;
    try {
      session.emplace(c);
    } catch (const bn::Error& error) {
      refused = failure_of(error);
    }
    for (std::size_t k = 0; k < c.calls.size() && !outcome.death; ++k) {
      if (c.state.running_weight) refused = Failure{ErrorKind::unsupported, "a running_weight", false};
      if (refused) {
        outcome.replies.push_back({*refused, c.state});
        continue;
      }
      bool touched = false;
      try {
        Values values = session->run(c.calls[k], k, outcome.death, touched);
        outcome.replies.push_back({std::move(values), session->state()});
      } catch (const bn::Error& error) {
        Failure failure = failure_of(error);
        failure.wrote_outputs = touched;
        outcome.replies.push_back({std::move(failure), session->state()});
      }
    }
    return outcome;
  }

 private:
  Capabilities can_ = bn_capabilities();
};

}  // namespace

std::unique_ptr<Subject> make_bn_layer() {
  return std::make_unique<BnLayer>();
}

}  // namespace bncheck
