/// Laws about the momentum update, and about inference with its result.

#include <cmath>

#include "bncheck/elements.hpp"

#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"

namespace bncheck {
namespace {

const std::set<Output> running_outputs{Output::running_mean, Output::running_var, Output::running_weight};

bool is_tracked_training(const Case& c, std::size_t call) {
  const auto* forward = std::get_if<Forward>(&c.calls[call].operation);
  return forward != nullptr && updates_running(c.config, *forward);
}

Case draw_training_calls(Draws& draws, const Capabilities& can, int calls) {
  CaseWish wish;
  wish.training = true;
  wish.track_running_stats = true;
  wish.calls = calls;
  if (draws.chance(1, 2)) wish.regime = Regime::ordinary;
  if (draws.chance(1, 2)) wish.shape.max_elements = 40;  // small n, so that n/(n − 1) is far from 1
  Case c = draw_case(draws, can, wish);
  for (Call& call : c.calls) std::get<Forward>(call.operation).training = true;
  return c;
}

/// r ← (1 − m)·r + m·s for one training call. The bound is the error of s, weighted, and three roundings of
/// the terms (slack_running in oracle/src/attainable_error.cpp).
Verdict check_one_step(const Case& c, Runner& runner) {
  one_valid_forward(c, runner.can());
  if (!is_tracked_training(c, 0) || !all_finite(c))
    return Verdict::not_applicable("not a tracked training call");
  const Run run = runner.run(c);
  run.values(0);
  Verdict verdict;
  judge_call(run, 0, runner.can(), Judged::in_range, verdict, running_outputs);
  if (!verdict.is_bad()) judge_state(run, 0, verdict);
  return verdict;
}
Case draw_one_step(Draws& draws, const Capabilities& can) {
  return draw_training_calls(draws, can, 1);
}

/// Compares r_k after k tracked training calls with the result e_k of k exact steps from r_0. With exact
/// steps e_j = f_j(e_{j−1}) and computed steps |r_j − f_j(r_{j−1})| ≤ A_j, the distance d_j = |r_j − e_j|
/// obeys d_j ≤ |1 − m|·d_{j−1} + A_j. A_j is the oracle's bound of the step from the subject's own r_{j−1}.
Verdict check_k_steps(const Case& c, Runner& runner) {
  if (c.calls.size() < 2 || !all_finite(c))
    return Verdict::not_applicable("not a sequence of finite training calls");
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    if (!is_tracked_training(c, k))
      return Verdict::not_applicable("not a sequence of tracked training calls");
  }
  if (!c.config.momentum) return Verdict::not_applicable("cumulative average");
  const Run run = runner.run(c);
  Verdict verdict;
  const auto m = static_cast<long double>(*c.config.momentum);
  for (const Output output : {Output::running_mean, Output::running_var}) {
    const Tensor& start = output == Output::running_mean ? *c.state.running_mean : *c.state.running_var;
    for (std::int64_t channel = 0; channel < start.shape[0]; ++channel) {
      const auto r0 = static_cast<long double>(element(start, channel));
      long double exact = r0;
      long double bound = 0;
      bool in_range = true;
      for (std::size_t k = 0; k < c.calls.size() && in_range; ++k) {
        if (run.expected[k].must_fail() || !run.expected[k].outputs.contains(output)) {
          return Verdict::not_applicable("a call must fail or is empty");
        }
        const ExpectedTensor& step = run.expected[k].outputs.at(output);
        const double got = element(run.output(k, output), channel);
        const Error error = step.error(channel, got, runner.can().numerics);
        const State& state = run.before(k);
        const auto before = static_cast<long double>(
            element(output == Output::running_mean ? *state.running_mean : *state.running_var, channel));
        in_range = error.in_range && std::isfinite(step.nearest(channel)) && std::isfinite(before);
        if (!in_range) break;
        // f_k(e) − f_k(r) = (1 − m)·(e − r), so the oracle's step from r gives the exact step from e.
        exact = step.value(channel).approximate() + (1 - m) * (exact - before);
        bound = std::fabs(1 - m) * bound + error.attainable;
      }
      if (!in_range) continue;
      const Tensor& last = run.output(c.calls.size() - 1, output);
      const double got = element(last, channel);
      const long double gap = std::fabs(static_cast<long double>(got) - exact);
      verdict.worst_ratio = std::max(verdict.worst_ratio, static_cast<double>(gap / bound));
      if (gap <= bound) continue;
      Mismatch mismatch{c.calls.size() - 1, output, channel, got, static_cast<double>(exact), {}};
      mismatch.dtype = last.dtype;
      const double nearest = std::fabs(rounded_to(last.dtype, mismatch.expected));
      mismatch.error.ulps = static_cast<double>(gap) / (next_to(last.dtype, nearest, true) - nearest);
      mismatch.error.ratio = static_cast<double>(gap / bound);
      add_mismatch(verdict, mismatch,
                   std::string(name_of(output)) + " after " + std::to_string(c.calls.size()) +
                       " steps is outside the accumulated bound");
    }
  }
  return verdict;
}
Case draw_k_steps(Draws& draws, const Capabilities& can) {
  Case c = draw_training_calls(draws, can, static_cast<int>(draws.between(2, 5)));
  if (!c.config.momentum) c.config.momentum = 0.1;
  return c;
}

/// With m = 0, (1 − 0)·r + 0·s is r. Every form of the update computes that without rounding if s is finite.
Verdict check_momentum_zero(const Case& c, Runner& runner) {
  one_valid_forward(c, runner.can());
  if (!is_tracked_training(c, 0) || !all_finite(c) || c.config.momentum != 0.0) {
    return Verdict::not_applicable("not a tracked training call with momentum 0");
  }
  require_ordinary_counts(c, runner.can().dialect);
  const Run run = runner.run(c);
  run.values(0);
  Verdict verdict;
  const std::pair<Output, const Tensor*> kept[] = {{Output::running_mean, &*c.state.running_mean},
                                                   {Output::running_var, &*c.state.running_var}};
  for (const auto& [output, before] : kept) {
    const ExpectedTensor& expected = run.expected[0].outputs.at(output);
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      const double got = element(run.output(0, output), i);
      const double want = element(*before, i);
      if (got == want) continue;  // −0 may become +0
      const Error error = expected.error(i, got, runner.can().numerics);
      if (!error.in_range) continue;
      add_mismatch(verdict, {0, output, i, got, want, error, before->dtype},
                   "momentum 0 changed the running statistics");
    }
  }
  return verdict;
}
Case draw_momentum_zero(Draws& draws, const Capabilities& can) {
  Case c = draw_training_calls(draws, can, 1);
  c.config.momentum = 0.0;
  return c;
}

/// With m = 1, the new r is s and does not depend on the old r. Two runs with different finite r agree, and
/// the result is within the claim.
Verdict check_momentum_one(const Case& c, Runner& runner) {
  one_valid_forward(c, runner.can());
  if (!is_tracked_training(c, 0) || !all_finite(c) || c.config.momentum != 1.0) {
    return Verdict::not_applicable("not a tracked training call with momentum 1");
  }
  require_ordinary_counts(c, runner.can().dialect);
  Case other = c;
  for (std::optional<Tensor>* tensor : {&other.state.running_mean, &other.state.running_var}) {
    change_elements(**tensor, [](double value) { return value == 3 ? 5.0 : 3.0; });
  }
  const Run run = runner.run(c);
  const Run forgetful = runner.run(other);
  Verdict verdict;
  for (const Output output : {Output::running_mean, Output::running_var}) {
    for (std::int64_t i = 0; i < c.state.running_mean->shape[0]; ++i) {
      judge_agreement({&run, 0, output, i}, {&forgetful, 0, output, i}, false, runner.can(), verdict);
    }
  }
  judge_call(run, 0, runner.can(), Judged::in_range, verdict, running_outputs);
  return verdict;
}
Case draw_momentum_one(Draws& draws, const Capabilities& can) {
  Case c = draw_training_calls(draws, can, 1);
  c.config.momentum = 1.0;
  return c;
}

/// Without momentum, m = 1/k at the k-th batch. Each step is judged with the counter from which it started.
Verdict check_cumulative(const Case& c, Runner& runner) {
  if (c.config.momentum || !all_finite(c)) return Verdict::not_applicable("momentum is given");
  const Run run = runner.run(c);
  Verdict verdict;
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    if (!is_tracked_training(c, k) || run.expected[k].must_fail()) {
      return Verdict::not_applicable("not a sequence of tracked training calls");
    }
    run.values(k);
    if (!fit_to_judge(run, k, runner.can())) break;
    judge_call(run, k, runner.can(), Judged::in_range, verdict, running_outputs);
    if (!verdict.is_bad()) judge_state(run, k, verdict);
  }
  return verdict;
}
Case draw_cumulative(Draws& draws, const Capabilities& can) {
  Case c = draw_training_calls(draws, can, static_cast<int>(draws.between(1, 4)));
  c.config.momentum = std::nullopt;
  return c;
}
/// Inference normalises with the running statistics. y of the last call is judged from the state that the
/// call before it left. Its batch has other statistics, so their use would show.
Verdict check_inference_uses_running(const Case& c, Runner& runner) {
  const auto* last = c.calls.empty() ? nullptr : std::get_if<Forward>(&c.calls.back().operation);
  if (last == nullptr || uses_batch(c.config, *last) || !all_finite(c)) {
    return Verdict::not_applicable("the last call is no inference with running statistics");
  }
  const Run run = runner.run(c);
  Verdict verdict;
  for (const ExpectedCall& expected : run.expected) {
    if (expected.must_fail()) return Verdict::not_applicable("a call must fail");
  }
  const std::size_t k = c.calls.size() - 1;
  run.values(k);
  if (!fit_to_judge(run, k, runner.can())) return verdict;
  judge_call(run, k, runner.can(), Judged::in_range, verdict, {Output::y});
  return verdict;
}
Case draw_train_then_infer(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = true;
  wish.track_running_stats = true;
  wish.calls = 2;
  if (can.dialect.averaging == Averaging::none) wish.calls = 1;
  Case c = draw_case(draws, can, wish);
  std::get<Forward>(c.calls.back().operation).training = false;
  return c;
}

/// Inference changes no bit of the state, the counter included.
Verdict check_inference_changes_nothing(const Case& c, Runner& runner) {
  const Forward& forward = one_valid_forward(c, runner.can());
  if (forward.training) return Verdict::not_applicable("training");
  const Run run = runner.run(c);
  run.values(0);
  if (run.after(0) == c.state) return {};
  return Verdict::violated("inference changed the state");
}
Case draw_inference(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = false;
  wish.special_values = can.non_finite_rule && draws.chance(1, 4);
  return draw_case(draws, can, wish);
}

/// Without running statistics both modes use those of the batch, so inference gives the results of training.
Verdict check_untracked(const Case& c, Runner& runner) {
  const Forward& forward = one_valid_forward(c, runner.can());
  if (c.config.track_running_stats || !all_finite(c))
    return Verdict::not_applicable("statistics are tracked");
  Case other = c;
  std::get<Forward>(other.calls[0].operation).training = !forward.training;
  const Run a = runner.run(c);
  const Run b = runner.run(other);
  Verdict verdict;
  judge_same_results(a, b, runner.can().numerics.deterministic, runner.can(), verdict);
  if (!verdict.is_bad()) judge_state(a, 0, verdict);
  if (!verdict.is_bad()) judge_state(b, 0, verdict);
  return verdict;
}
Case draw_untracked(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.track_running_stats = false;
  return draw_case(draws, can, wish);
}
}  // namespace

std::vector<Law> running_statistics_laws() {
  return {
      {"momentum_one_step",
       "running <- (1-m) running + m s, with the unbiased variance if the dialect uses it.",
       {Need::running_statistics},
       draw_one_step,
       check_one_step,
       {.exact = true,
        .any_dtype = true,
        .rationale = "It judges the running statistics alone, so a violation is an error of the update."}},
      {"momentum_k_steps",
       "After k training calls the running statistics obey the k-fold recurrence.",
       {Need::running_statistics, Need::plain_average},
       draw_k_steps,
       check_k_steps,
       {.exact = true,
        .any_dtype = true,
        .rationale = "It detects an error that is within the bound of one step and grows with the number of "
                     "steps."}},
      {"momentum_zero",
       "With m = 0 the running statistics keep their values.",
       {Need::running_statistics, Need::plain_average},
       draw_momentum_zero,
       check_momentum_zero,
       {.any_dtype = true, .rationale = "It needs no bound, because the old values must stay."}},
      {"momentum_one",
       "With m = 1 the running statistics become those of the batch, whatever they were.",
       {Need::running_statistics, Need::plain_average},
       draw_momentum_one,
       check_momentum_one,
       {.exact = true,
        .any_dtype = true,
        .rationale = "It needs no formula of the update, because the old value must vanish, whatever it "
                     "was."}},
      {"momentum_cumulative",
       "Without momentum the k-th batch has weight 1/k.",
       {Need::running_statistics, Need::cumulative_average},
       draw_cumulative,
       check_cumulative,
       {.exact = true,
        .any_dtype = true,
        .rationale = "Only in this law is momentum always absent, so that the counter determines the "
                     "weight."}},
      {"inference_uses_running_statistics",
       "After training, y = gamma (x - running_mean)/sqrt(running_var + eps) + beta in inference.",
       {},
       draw_train_then_infer,
       check_inference_uses_running,
       {.exact = true,
        .any_dtype = true,
        .rationale = "The statistics of its batch differ from the running ones, so the use of wrong ones "
                     "shows."}},
      {"inference_changes_nothing",
       "Inference leaves every bit of the state as it was.",
       {},
       draw_inference,
       check_inference_changes_nothing,
       {.any_dtype = true,
        .rationale = "It compares every bit of the state, while laws about numbers judge outputs."}},
      {"untracked_uses_batch",
       "Without running statistics inference gives the results of training.",
       {Need::untracked},
       draw_untracked,
       check_untracked,
       {.any_dtype = true,
        .rationale = "Only this law compares both modes of a layer without running statistics."}},
  };
}

}  // namespace bncheck
