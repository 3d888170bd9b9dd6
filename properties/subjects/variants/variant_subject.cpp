#include <algorithm>
#include <cfenv>

#include "subjects/caller_environment.hpp"
#include "subjects/gradient_buffers.hpp"
#include "subjects/variants/checks.hpp"
#include "subjects/variants/variants.hpp"

namespace bncheck::variants {
namespace {

/// Rounding to nearest, nothing flushed to zero, until the end of its life.
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

using OptionalBuffer = std::optional<GuardedBuffer>;

OptionalBuffer place(const std::optional<Tensor>& tensor) {
  if (!tensor) return std::nullopt;
  return GuardedBuffer(*tensor, Placement{});
}

View view_of(GuardedBuffer& buffer) {
  return {buffer.data(), buffer.shape(), buffer.strides(), element_count(buffer.shape()).value_or(0)};
}
View view_of(OptionalBuffer& buffer) {
  return buffer ? view_of(*buffer) : View{};
}
View view_of(std::span<float> values) {
  const auto length = static_cast<std::int64_t>(values.size());
  return {values.data(), {length}, {1}, length};
}

/// What a call writes lies as `exec.y` says, unless the overlap says otherwise.
std::int64_t output_extent(const Exec& exec, const Shape& shape) {
  const bool in_input = exec.overlap == Overlap::in_place || exec.overlap == Overlap::shifted;
  if (exec.overlap == Overlap::y_itself) return extent_of({}, shape);
  return extent_of(in_input ? exec.x : exec.y, shape);
}

/// The layer's vectors for one call.
struct StateBuffers {
  OptionalBuffer weight, bias, mean, var;

  explicit StateBuffers(const State& state)
      : weight(place(state.weight)),
        bias(place(state.bias)),
        mean(place(state.running_mean)),
        var(place(state.running_var)) {}

  Parameters parameters() { return {view_of(weight), view_of(bias), view_of(mean), view_of(var)}; }
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
    return std::nullopt;
  }
  void gather_into(State& state) const {
    if (mean) state.running_mean = mean->gather();
    if (var) state.running_var = var->gather();
  }
};

/// A layer that lives through the calls of a case, each of them on fresh buffers of the caller's.
class Session {
 public:
  /// Throws Rejected.
  Session(const Recipe& recipe, const Case& c, bool odd)
      : recipe_(recipe), config_(c.config), state_(c.state), odd_(odd) {
    check_options(config_, recipe.checking);
    check_state(config_, state_, recipe.checking, false);
  }

  const State& state() const { return state_; }

  /// Throws Rejected; `touched` where it had written by then, `death` where the call did damage.
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
      check_momentum(set->momentum, recipe_.checking);
      config_.momentum = set->momentum;
    } else if (const auto* load = std::get_if<Load>(&call.operation)) {
      check_state(config_, load->state, recipe_.checking, true);
      state_ = load->state;
      if (recipe_.checking.forward != ForwardCheck::survives_load) latest_ = nullptr;
    }
    return {};
  }

 private:
  Execution execution(const Exec& exec) const {
    // More parts than these would take more roundings than blocked summation may have.
    return {std::clamp(exec.threads, 1, 7), odd_};
  }

  /// Runs `pass` in the environment that the recipe asks for.
  template <class Pass>
  void in_environment(const Exec& exec, const Pass& pass) const {
    const CallerEnvironment caller(exec);
    if (recipe_.minds_environment) {
      pass();
      return;
    }
    const DefaultEnvironment own;
    pass();
  }

  Values run_forward(const Forward& call, const Exec& exec, std::size_t index, std::optional<Death>& death,
                     bool& touched) {
    const Shape& shape = call.x.shape;
    CallBuffers tensors(call.x, exec);
    StateBuffers vectors(state_);
    GuardedBuffer mean(Shape{config_.num_features}, Placement{});
    GuardedBuffer invstd(Shape{config_.num_features}, Placement{});
    const ForwardCall request{config_,
                              call.training,
                              {tensors.in(), shape, tensors.in_strides(), extent_of(exec.x, shape)},
                              {tensors.out(), shape, tensors.out_strides(), output_extent(exec, shape)},
                              vectors.parameters(),
                              state_.num_batches_tracked,
                              view_of(mean),
                              view_of(invstd),
                              execution(exec)};
    try {
      in_environment(exec, [&] { forward(recipe_, request); });
    } catch (const Rejected&) {
      touched = tensors.touched() || !mean.unchanged() || !invstd.unchanged();
      vectors.gather_into(state_);
      throw;
    }
    death = tensors.damage(index);
    if (const auto other = vectors.damage(index)) death = other;
    if (!mean.guards_intact() || !invstd.guards_intact()) {
      death = Death{Death::Cause::guard_zone, "around the saved statistics", index};
    }
    vectors.gather_into(state_);
    Values values;
    Tensor y = tensors.gather_out();
    if (y.bytes.empty() && recipe_.running.empty == EmptyBatch::flattens) y.shape = {0};
    values.outputs.emplace(Output::y, std::move(y));
    if (request.uses_batch()) {
      values.outputs.emplace(Output::saved_mean, mean.gather());
      values.outputs.emplace(Output::saved_invstd, invstd.gather());
    }
    return values;
  }

  /// The forward call that the gradient is of. Throws Rejected.
  const Call& differentiated(const Backward& call) const {
    if (latest_ == nullptr)
      throw Rejected{ErrorKind::no_forward, "there is no forward call to differentiate"};
    const bool training = std::get<Forward>(latest_->operation).training;
    const bool other_mode = call.training.value_or(training) != training;
    if (other_mode && recipe_.checking.forward != ForwardCheck::any_mode) {
      throw Rejected{ErrorKind::no_forward, "the latest forward call was in the other mode"};
    }
    return *latest_;
  }

  Values run_backward(const Backward& call, const Exec& exec, std::size_t index, std::optional<Death>& death,
                      bool& touched) {
    const Call& latest = differentiated(call);
    const auto& forward = std::get<Forward>(latest.operation);
    GradientBuffers buffers(forward, latest.exec, call, exec, config_.num_features);
    StateBuffers vectors(state_);
    const Shape& shape = call.dy.shape;
    const bool over_x = exec.overlap == Overlap::dx_and_x && shape == forward.x.shape;
    View dx;
    if (call.want_dx) {
      dx = {buffers.dx(), shape, buffers.dx_strides(),
            over_x ? extent_of(latest.exec.x, shape) : output_extent(exec, shape)};
    }
    const BackwardCall request{
        config_,
        call.training.value_or(forward.training),
        {buffers.x().data(), forward.x.shape, buffers.x().strides(),
         extent_of(latest.exec.x, forward.x.shape)},
        {buffers.tensors().in(), shape, buffers.tensors().in_strides(), extent_of(exec.x, shape)},
        std::move(dx),
        view_of(buffers.dweight()),
        view_of(buffers.dbias()),
        vectors.parameters(),
        execution(exec)};
    try {
      in_environment(exec, [&] { backward(recipe_, request); });
    } catch (const Rejected&) {
      touched = buffers.touched();
      throw;
    }
    death = vectors.damage(index);
    if (const auto other = buffers.damage(index)) death = other;
    return buffers.gather();
  }

  const Recipe& recipe_;
  Config config_;
  State state_;
  bool odd_;
  const Call* latest_ = nullptr;  ///< the forward call that the layer has a gradient of
};

class VariantSubject : public Subject {
 public:
  VariantSubject(std::string name, const Recipe& recipe, Summation summation)
      : name_(std::move(name)), recipe_(recipe) {
    can_.dialect = *dialect_named("pytorch");
    can_.numerics.summation = summation;
    // Infinities and NaN go where float arithmetic takes them.
    can_.non_finite_rule = false;
  }
  std::string name() const override { return name_; }
  std::string version() const override { return BNCHECK_VERSION; }
  const Capabilities& can() const override { return can_; }

  Outcome run(const Case& c) override {
    odd_ = !odd_;
    Outcome outcome;
    std::optional<Session> session;
    std::optional<Failure> refused;
    if (c.state.running_weight) refused = Failure{ErrorKind::unsupported, "a running_weight", false};
    try {
      if (!refused) session.emplace(recipe_, c, odd_);
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
  bool odd_ = false;
};

}  // namespace

std::unique_ptr<Subject> make_variant(std::string_view prefix, std::string_view name, const Recipe& recipe,
                                      Summation summation) {
  return std::make_unique<VariantSubject>(std::string(prefix) + std::string(name), recipe, summation);
}

}  // namespace bncheck::variants
