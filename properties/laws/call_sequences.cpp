/// Law about sequences of calls of all kinds, some of which must be refused.

#include <cmath>
#include <limits>

#include "bncheck/elements.hpp"
#include "bncheck/walk.hpp"

#include "core/reach.hpp"
#include "generate/gradients.hpp"
#include "laws/catalogue.hpp"
#include "laws/rejected.hpp"

namespace bncheck {
namespace {

// ---- check

/// Judges each call from the state that the subject itself had before it, and from the configuration and the
/// latest forward call that a right layer would have by then. An effect that a call itself does not show,
/// such as a refused momentum that took effect or a forgotten forward call, shows in later calls. Only this law asks
/// for the message of a refusal, so that a subject without any has one finding. Values are
/// held to the subject's claim, within the attainable error of oracle/src/attainable_error.cpp; refusals and
/// the state must match bit for bit.
Verdict check_sequence(const Case& c, Runner& runner) {
  if (c.calls.empty()) return Verdict::not_applicable("no call");
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  const Run run = runner.run(c);
  Verdict verdict;
  for (std::size_t k = 0; k < c.calls.size() && !verdict.is_bad(); ++k) {
    const ExpectedCall& expected = run.expected[k];
    if (expected.must_fail()) {
      if (Verdict refusal = judge_refusal(run, k, expected.errors.front()); refusal.is_bad()) return refusal;
      if (std::get<Failure>(run.replies[k].result).message.empty())
        return Verdict::violated("call " + std::to_string(k) + " failed as it must but has no message");
      continue;
    }
    run.values(k);
    if (fit_to_judge(run, k, runner.can())) judge_call(run, k, runner.can(), Judged::in_range, verdict);
    if (!verdict.is_bad()) judge_state(run, k, verdict);
  }
  return verdict;
}

// ---- draw

constexpr int longest = 12;

/// Case under construction, with the configuration, state and latest forward call of a right layer after its
/// calls.
class Growing {
 public:
  Growing(Draws& draws, const Capabilities& can) : draws_(draws), can_(can) {
    wish_.calls = 0;  // ε must suit both modes
    wish_.shape.max_elements = 40;
    wish_.dtypes = draw_dtypes(draws, can);
    if (!can.training) wish_.track_running_stats = true;  // without them, inference needs the batch's
    wish_.shape = within_reach(can, wish_.shape);
    case_.config = draw_config(draws, can, wish_, draws.between(1, 4) * can.channel_multiple);
    case_.config.dimensions = draw_dimensions(draws, can);
    first_ = {1, case_.config.num_features};
    if (can.dialect.axes == Axes::per_activation)
      first_ = draw_shape(draws, case_.config.dimensions, wish_.shape);
    first_[1] = case_.config.num_features;
    if (draws.chance(1, 16)) case_.config.eps = 0;  // valid only for inference with running statistics
    case_.state = draw_state(draws, case_.config, can.dialect, wish_, first_);
    if (case_.config.track_running_stats && draws.chance(1, 16)) {
      case_.state.num_batches_tracked = std::numeric_limits<std::int64_t>::max() - draws.between(0, 2);
    }
    walk_.emplace(case_, can.dialect);
  }

  Case grown() {
    const std::int64_t length = draws_.between(2, longest);
    for (int tries = 0; std::ssize(case_.calls) < length && tries < 2 * longest; ++tries) {
      Call call = draw_call();
      if (!beyond_reach(call, *walk_, can_)) add(std::move(call));
    }
    return std::move(case_);
  }

 private:
  void add(Call call) {
    case_.calls.push_back(std::move(call));
    walk_->advance();
  }

  Call draw_call() {
    const bool can_be_refused = draws_.chance(1, 3);
    switch (draws_.below(8)) {
      case 0:
        if (can_.settable) return can_be_refused ? wrong_momentum() : momentum();
        break;
      case 1:
        if (can_.settable) return can_be_refused ? wrong_load() : load();
        break;
      case 2:
        return forward(draw_other_empty_shape(draws_, walk_->config().dimensions, first_, can_.dialect.axes));
      case 3:
      case 4:
        if (can_.backward && can_.remembers_forward && walk_->latest() == nullptr && draws_.chance(1, 2))
          return wrong_backward();
        if (can_.backward && walk_->latest() != nullptr && can_be_refused) return wrong_backward();
        if (can_.backward && walk_->latest() != nullptr)
          return draw_backward_call(draws_, can_, *walk_->latest(), wish_);
        break;
      default:
        break;
    }
    return can_be_refused ? wrong_forward() : forward(draw_batch());
  }

  Shape draw_batch() { return draw_other_shape(draws_, walk_->config().dimensions, first_, wish_.shape); }

  Call forward(const Shape& shape) {
    wish_.regime = draws_.chance(1, 2) ? std::optional(Regime::ordinary) : std::nullopt;
    Call call{Forward{draws_.chance(1, 2), draw_input(draws_, shape, wish_)}, {}};
    if (draws_.chance(1, 2)) call.exec = draw_exec(draws_, can_, shape.size());
    return call;
  }

  Call wrong_forward() {
    Shape shape = draw_batch();
    Exec exec;
    switch (draws_.below(can_.caller_output ? 4 : 3)) {
      case 0:
        shape[1] += can_.channel_multiple *
                    (draws_.chance(1, 2) && shape[1] > can_.channel_multiple ? -1 : draws_.between(1, 2));
        if (draws_.chance(1, 4)) shape[0] = 0;  // an empty batch must be refused too
        break;
      case 1:
        shape.resize(draws_.pick({std::size_t{0}, std::size_t{1}, std::size_t{6}}), 1);
        break;
      case 2:
        shape[0] = 1;
        for (std::size_t k = 2; k < shape.size() && can_.dialect.axes == Axes::spatial; ++k) shape[k] = 1;
        break;
      default:
        exec.overlap = draws_.pick({Overlap::shifted, Overlap::y_itself});
        break;
    }
    return {Forward{draws_.chance(3, 4), reshaped(no_values(), shape)}, exec};
  }

  Call wrong_backward() {
    if (walk_->latest() == nullptr) return backward_of_nothing();
    Shape shape = walk_->latest()->x.shape;
    std::optional<bool> training;
    Exec exec;
    switch (draws_.below(can_.remembers_forward ? 3 : 2)) {
      case 0:
        ++shape[0];
        break;
      case 1:
        if (can_.caller_output) {
          exec.overlap = draws_.pick({Overlap::shifted, Overlap::y_itself, Overlap::dx_and_x});
        }
        break;
      default:
        training = !walk_->latest()->training;
        break;
    }
    return {Backward{reshaped(no_values(), std::move(shape)), true, true, true, training}, exec};
  }

  /// Backward call without a forward call. It has no other error, in either mode, so a layer that wrongly
  /// remembers a forward call answers it.
  Call backward_of_nothing() {
    return {Backward{reshaped(no_values(), draw_batch()), true, true, true, draws_.chance(1, 2)}, {}};
  }

  Tensor no_values() const { return {wish_.dtypes->data, {0}, {}}; }

  Call momentum() {
    const bool average = can_.dialect.cumulative != Cumulative::unsupported && draws_.chance(1, 3);
    if (average) return {SetMomentum{std::nullopt}, {}};
    return {SetMomentum{draws_.pick({0.0, 0.5, 1.0, 0.25, 0.1})}, {}};
  }
  Call wrong_momentum() {
    constexpr double inf = std::numeric_limits<double>::infinity();
    return {SetMomentum{draws_.pick({std::nan(""), inf, -inf})}, {}};
  }

  Call load() { return {Load{draw_state(draws_, walk_->config(), can_.dialect, wish_, first_)}, {}}; }
  /// State with one error; a valid state if the layer has neither parameters nor running statistics.
  Call wrong_load() {
    State state = draw_state(draws_, walk_->config(), can_.dialect, wish_, first_);
    const std::vector<Tensor*> vectors = vectors_of(state);
    if (walk_->config().track_running_stats && draws_.chance(1, 3)) {
      state.num_batches_tracked = -draws_.between(1, 3);
    } else if (!vectors.empty()) {
      *draws_.pick_from(vectors) =
          filled_with(wish_.dtypes->vectors, {state_length() + draws_.pick({-1, 1})}, 1);
    }
    return {Load{std::move(state)}, {}};
  }

  std::int64_t state_length() const { return feature_count(first_, can_.dialect.axes).features; }

  Draws& draws_;
  const Capabilities& can_;
  CaseWish wish_;
  Shape first_;  ///< shape of an input; it fixes the channels and, per activation, the positions
  Case case_;
  std::optional<Walk> walk_;
};

Case draw_sequence(Draws& draws, const Capabilities& can) {
  return Growing(draws, can).grown();
}

}  // namespace

std::vector<Law> sequence_laws() {
  return {
      {"call_sequences",
       "In any sequence of calls, refused ones included, each call gives the answer of the exact layer.",
       {},
       draw_sequence,
       check_sequence,
       {.exact = true,
        .any_dtype = true,
        .rationale = "Only in this law can any call follow any other, refused ones included, so that what a "
                     "call leaves behind shows."}}};
}

}  // namespace bncheck
