#include <algorithm>
#include <cfenv>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "subjects/memory/caller_environment.hpp"
#include "subjects/memory/forward_buffers.hpp"
#include "subjects/memory/gradient_buffers.hpp"
#include "subjects/variants/checks.hpp"
#include "subjects/variants/variants.hpp"

namespace bncheck::variants {
namespace {

/// Sets rounding to nearest without flush-to-zero for its lifetime.
class DefaultEnvironment {
 public:
  DefaultEnvironment() {
    std::fegetenv(&caller_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultEnvironment() { std::fesetenv(&caller_); }
  DefaultEnvironment(const DefaultEnvironment&) = delete;
  DefaultEnvironment& operator=(const DefaultEnvironment&) = delete;

 private:
  std::fenv_t caller_{};
};

View view_of(const Region& region) {
  const auto extent = static_cast<std::int64_t>(region.bytes / sizeof(float));
  return {region.floats(), *region.shape, *region.strides, extent};
}
View view_of(OptionalBuffer& buffer) {
  return buffer ? view_of(region_of(*buffer)) : View{};
}

Parameters parameters_of(StateBuffers& state) {
  return {view_of(state.weight), view_of(state.bias), view_of(state.running_mean),
          view_of(state.running_var)};
}

/// What a subject has of earlier cases.
struct Past {
  bool odd = false;  ///< an odd number of cases
  std::map<Shape, std::vector<std::int64_t>> strides;
  std::map<Shape, std::map<Output, std::vector<float>>> gradients;
  Scratch scratch;
};

/// A layer that exists for all calls of a case. Each call gets fresh buffers of the caller.
class Session {
 public:
  /// Throws Rejected.
  Session(const Recipe& recipe, const Case& c, Past& past)
      : recipe_(recipe), config_(c.config), state_(c.state), past_(past) {
    check_options(config_, recipe.checking);
    check_state(config_, state_, recipe.checking, false);
  }

  const State& state() const { return state_; }

  /// Runs a call. Throws Rejected. Sets `touched` if a rejected call changed an output, `death` if a call
  /// that returned did damage.
  Values run(const Call& call, std::size_t index, std::optional<Death>& death, bool& touched) {
    if (const auto* forward = std::get_if<Forward>(&call.operation)) {
      Values values = run_forward(*forward, call.exec, index, death, touched);
      before_latest_ = std::exchange(latest_, &call);
      return values;
    }
    if (const auto* backward = std::get_if<Backward>(&call.operation)) {
      return run_backward(*backward, call.exec, index, death, touched);
    }
    if (const auto* set = std::get_if<SetMomentum>(&call.operation)) {
      check_momentum(set->momentum, recipe_.checking);
      if (recipe_.carried != Carried::first_momentum) config_.momentum = set->momentum;
    } else if (const auto* load = std::get_if<Load>(&call.operation)) {
      check_state(config_, load->state, recipe_.checking, true);
      state_ = load->state;
      if (recipe_.checking.forward != ForwardCheck::survives_load) latest_ = nullptr;
    }
    return {};
  }

 private:
  Execution execution(const Exec& exec) const {
    // More parts would need more roundings than blocked summation may have.
    Scratch* scratch = recipe_.carried == Carried::sum_of_longer_batch ? &past_.scratch : nullptr;
    return {std::clamp(exec.threads, 1, 7), past_.odd, scratch};
  }

  /// x with the strides that the recipe believes it has.
  View read_as(View x) const {
    if (recipe_.carried == Carried::layout_of_shape)
      x.strides = past_.strides.try_emplace(x.shape, x.strides).first->second;
    return x;
  }

  /// Place for the scales of inference calls, which the recipe keeps; null for others.
  std::vector<std::optional<Real>>* kept_scales(bool training) {
    if (recipe_.carried == Carried::scale_until_training && training) scales_.clear();
    const bool keeps = recipe_.carried == Carried::scale_of_first_inference ||
                       recipe_.carried == Carried::scale_until_training;
    return keeps ? &scales_ : nullptr;
  }

  /// Adds the sums of all earlier gradients of this shape to those of weight and bias.
  void accumulate(const Shape& shape, Values& values) const {
    for (const Output output : {Output::dweight, Output::dbias}) {
      const auto found = values.outputs.find(output);
      if (found == values.outputs.end()) continue;
      std::vector<float>& sums = past_.gradients[shape][output];
      const std::span<float> fresh = found->second.floats();
      sums.resize(fresh.size());
      for (std::size_t i = 0; i < sums.size(); ++i) fresh[i] = sums[i] += fresh[i];
    }
  }

  /// Runs `pass` in the environment that the recipe asks for.
  template <class Pass>
  void in_environment(const Exec& exec, const Pass& pass) const {
    const CallerEnvironment caller(exec);
    using Range = Exponents::Range;
    const Exponents exponents(recipe_.flushes   ? Range::flushed
                              : recipe_.literal ? Range::of_float
                                                : Range::of_double);
    if (recipe_.minds_environment) {
      pass();
      return;
    }
    const DefaultEnvironment own;
    pass();
  }

  Values run_forward(const Forward& call, const Exec& exec, std::size_t index, std::optional<Death>& death,
                     bool& touched) {
    ForwardBuffers buffers(state_, call.x, exec, Saved::mean_invstd, config_.num_features);
    const ForwardCall request{config_,
                              call.training,
                              read_as(view_of(buffers.tensors.in_region())),
                              view_of(buffers.tensors.out_region()),
                              parameters_of(buffers.state),
                              state_.num_batches_tracked,
                              view_of(buffers.saved.mean),
                              view_of(buffers.saved.invstd),
                              execution(exec),
                              kept_scales(call.training)};
    try {
      in_environment(exec, [&] { forward(recipe_, request); });
    } catch (const Rejected&) {
      touched = buffers.tensors.touched() || buffers.saved.touched();
      buffers.state.gather_into(state_);
      throw;
    }
    death = buffers.damage(index, true);
    buffers.state.gather_into(state_);
    Values values = buffers.gather(request.uses_batch());
    Tensor& y = values.outputs.at(Output::y);
    if (y.bytes.empty() && recipe_.running.empty == EmptyBatch::flattens) y.shape = {0};
    return values;
  }

  /// Forward call that the gradient is of. Throws Rejected.
  const Call& differentiated(const Backward& call) const {
    if (latest_ == nullptr)
      throw Rejected{ErrorKind::no_forward, "there is no forward call to differentiate"};
    const bool training = std::get<Forward>(latest_->operation).training;
    const bool other_mode = call.training.value_or(training) != training;
    if (other_mode && recipe_.checking.forward != ForwardCheck::any_mode) {
      throw Rejected{ErrorKind::no_forward, "the latest forward call was in the other mode"};
    }
    const bool confused =
        recipe_.carried == Carried::first_of_two_forwards && before_latest_ != nullptr &&
        std::get<Forward>(before_latest_->operation).x.shape == std::get<Forward>(latest_->operation).x.shape;
    return confused ? *before_latest_ : *latest_;
  }

  Values run_backward(const Backward& call, const Exec& exec, std::size_t index, std::optional<Death>& death,
                      bool& touched) {
    const Call& latest = differentiated(call);
    const auto& forward = std::get<Forward>(latest.operation);
    GradientBuffers buffers(state_, forward, latest.exec, call, exec, config_.num_features);
    const BackwardCall request{config_,
                               call.training.value_or(forward.training),
                               view_of(region_of(buffers.x())),
                               view_of(buffers.tensors().in_region()),
                               call.want_dx ? view_of(buffers.dx()) : View{},
                               view_of(buffers.dweight()),
                               view_of(buffers.dbias()),
                               parameters_of(buffers.state()),
                               execution(exec)};
    try {
      in_environment(exec, [&] { backward(recipe_, request); });
    } catch (const Rejected&) {
      touched = buffers.touched();
      throw;
    }
    death = buffers.damage(index);
    Values values = buffers.gather();
    if (recipe_.carried == Carried::gradient_of_shape) accumulate(call.dy.shape, values);
    return values;
  }

  const Recipe& recipe_;
  Config config_;
  State state_;
  Past& past_;
  const Call* latest_ = nullptr;         ///< forward call of which the layer has a gradient
  const Call* before_latest_ = nullptr;  ///< the one before
  std::vector<std::optional<Real>> scales_;
};

class VariantSubject : public Subject {
 public:
  VariantSubject(std::string name, const Recipe& recipe, const Numerics& numerics)
      : name_(std::move(name)), recipe_(recipe) {
    can_.dialect = *dialect_named("pytorch");
    can_.numerics = numerics;
    // Infinities and NaN give the results of float arithmetic.
    can_.non_finite_rule = false;
  }
  std::string name() const override { return name_; }
  std::string version() const override { return BNCHECK_VERSION; }
  const Capabilities& can() const override { return can_; }

  Outcome run(const Case& c) override {
    past_.odd = !past_.odd;
    Outcome outcome;
    std::optional<Session> session;
    std::optional<Failure> refused;
    if (c.state.running_weight) refused = Failure{ErrorKind::unsupported, "a running_weight", false};
    try {
      if (!refused) session.emplace(recipe_, c, past_);
    } catch (const Rejected& rejected) {
      refused = Failure{rejected.kind, rejected.message, false};
    }
    for (std::size_t k = 0; k < c.calls.size() && !outcome.death; ++k) {
      if (refused) {
        outcome.replies.push_back({*refused, c.state});
        continue;
      }
      bool touched = false;
      try {
        Values values = session->run(c.calls[k], k, outcome.death, touched);
        outcome.replies.push_back({std::move(values), session->state()});
      } catch (const Rejected& rejected) {
        outcome.replies.push_back({Failure{rejected.kind, rejected.message, touched}, session->state()});
      }
    }
    return outcome;
  }

 private:
  std::string name_;
  Recipe recipe_;
  Capabilities can_;
  Past past_;
};

}  // namespace

std::unique_ptr<Subject> make_variant(std::string_view prefix, std::string_view name, const Recipe& recipe,
                                      const Numerics& numerics) {
  return std::make_unique<VariantSubject>(std::string(prefix) + std::string(name), recipe, numerics);
}

}  // namespace bncheck::variants
