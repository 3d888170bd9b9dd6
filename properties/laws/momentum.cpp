/// Laws about the momentum update and about the state of a layer, judged by other runs of the subject.

#include <algorithm>
#include <cmath>

#include "laws/catalogue.hpp"
#include "laws/relations.hpp"

namespace bncheck {
namespace {

constexpr std::pair<Output, std::optional<Tensor> State::*> statistics[] = {
    {Output::running_mean, &State::running_mean}, {Output::running_var, &State::running_var}};

long double at(const State& state, std::optional<Tensor> State::* tensor, std::int64_t channel) {
  return static_cast<long double>((state.*tensor)->floats()[static_cast<std::size_t>(channel)]);
}

/// Throws Settled (not applicable) unless the case has finite values and consists of tracked training calls
/// that must succeed, on batches that are not empty.
void require_training_calls(const Case& c, const Capabilities& can) {
  if (!all_finite(c)) throw Settled{Verdict::not_applicable("values that are not finite")};
  for (const Call& call : c.calls) {
    const auto* forward = std::get_if<Forward>(&call.operation);
    if (forward == nullptr || !updates_running(c.config, *forward)) {
      throw Settled{Verdict::not_applicable("not a sequence of tracked training calls")};
    }
    if (forward->x.bytes.empty()) throw Settled{Verdict::not_applicable("a batch is empty")};
  }
  if (c.calls.empty()) throw Settled{Verdict::not_applicable("no call")};
  require_success(c, can);
  require_ordinary_counts(c, can.dialect);
}

/// The same calls with momentum 1 and other statistics at the start. Each call leaves the statistics of its
/// batch.
Case forgetful(Case c) {
  c.config.momentum = 1.0;
  for (const auto& [output, tensor] : statistics) {
    for (float& r : (c.state.*tensor)->floats()) r = r == 3.0f ? 5.0f : 3.0f;
  }
  return c;
}

/// r_j = w·r_{j−1} + v·s_j, where s_j is what momentum 1 leaves. The two sides differ by at most the bound of
/// r_j plus |v| times that of s_j. A sum of weights is c_j = w·c_{j−1} + 1. The counter advances, and nothing
/// else in the state changes.
Verdict check_mixture(const Case& c, Runner& runner) {
  require_training_calls(c, runner.can());
  const Run run = runner.run(c);
  const Run fresh = runner.run(forgetful(c));
  Verdict verdict;
  for (std::size_t j = 0; j < c.calls.size() && !verdict.is_bad(); ++j) {
    const State& before = run.before(j);
    run.values(j);
    fresh.values(j);
    if (!fit_to_judge(run, j, runner.can())) break;
    const RunningWeights weights =
        running_weights(c.config, runner.can().dialect, before.num_batches_tracked + 1, Dtype::f32);
    for (const auto& [output, tensor] : statistics) {
      for (std::int64_t k = 0; k < (c.state.*tensor)->shape[0] && !verdict.is_bad(); ++k) {
        Balance balance(runner.can());
        balance.add(1, {&run, j, output, k});
        balance.add(-weights.fresh, {&fresh, j, output, k});
        balance.add(-weights.old * at(before, tensor, k));
        balance.judge(verdict, element_of(output, k) + " less its mixture at call " + std::to_string(j));
        if (verdict.is_bad()) verdict.other = fresh.content;
      }
    }
    if (before.running_weight && !verdict.is_bad()) {
      Balance balance(runner.can());
      balance.add(1, {&run, j, Output::running_weight, 0});
      balance.add(-weights.old * at(before, &State::running_weight, 0));
      balance.add(-1);
      balance.judge(verdict, "running_weight less its mixture");
    }
    if (!verdict.is_bad()) judge_state(run, j, verdict);
  }
  return verdict;
}

CaseWish tracked(Draws& draws) {
  CaseWish wish;
  wish.training = true;
  wish.track_running_stats = true;
  wish.regime = draws.pick({Regime::ordinary, Regime::large_mean, Regime::integers, Regime::sparse});
  return wish;
}
/// Case with any momentum, or with one so close to 1 that 1 − m is lost in float, while (1 − m)·r still
/// matters because the statistics are large.
Case draw_mixture(Draws& draws, const Capabilities& can) {
  CaseWish wish = tracked(draws);
  wish.calls = static_cast<int>(draws.between(1, 3));
  wish.shape.max_elements = 100;
  Case c = draw_case(draws, can, wish);
  for (Call& call : c.calls) std::get<Forward>(call.operation).training = true;
  if (draws.chance(1, 8)) {
    c.config.momentum = 1 - 0x1p-30;
    for (const auto& [output, tensor] : statistics) {
      for (float& r : (c.state.*tensor)->floats()) r = std::ldexp(r, 32);
    }
  }
  return c;
}

/// The recurrence of check_mixture, iterated, for a layer that gets the same small batch in every call. With
/// exact weights, the distance from it obeys d_j ≤ |w|·d_{j−1} + A_j. An error A_s of s counts with the
/// weight that s has after the last call.
Verdict check_long_sequence(const Case& c, Runner& runner) {
  require_training_calls(c, runner.can());
  for (const Call& call : c.calls) {
    if (call.operation != c.calls[0].operation) return Verdict::not_applicable("the batches differ");
  }
  const Run run = runner.run(c);
  Case one = forgetful(c);
  one.calls.resize(1);
  const Run fresh = runner.run(one);
  fresh.values(0);
  Verdict verdict;
  for (const auto& [output, tensor] : statistics) {
    for (std::int64_t k = 0; k < (c.state.*tensor)->shape[0] && !verdict.is_bad(); ++k) {
      const Measured s = measure({&fresh, 0, output, k}, runner.can());
      long double expected = at(c.state, tensor, k);
      long double share = 0;
      long double bound = 0;
      long double size = std::fabs(expected);
      bool usable = s.usable;
      Measured r;
      for (std::size_t j = 0; j < c.calls.size() && usable; ++j) {
        const RunningWeights weights = running_weights(c.config, runner.can().dialect,
                                                       run.before(j).num_batches_tracked + 1, Dtype::f32);
        r = measure({&run, j, output, k}, runner.can());
        usable = r.usable;
        expected = weights.old * expected + weights.fresh * s.value;
        share = weights.old * share + weights.fresh;
        bound = std::fabs(weights.old) * bound + r.bound;
        size = std::fabs(weights.old) * size + std::fabs(weights.fresh * s.value);
      }
      if (!usable) continue;
      bound += std::fabs(share) * s.bound + static_cast<long double>(c.calls.size()) * 0x1p-60L * size;
      judge_bound(verdict, element_of(output, k) + " after many equal batches", r.value, expected, bound);
    }
  }
  if (!verdict.is_bad()) judge_state(run, c.calls.size() - 1, verdict);
  return verdict;
}
Case draw_long_sequence(Draws& draws, const Capabilities& can) {
  CaseWish wish = tracked(draws);
  wish.shape.max_elements = 8;
  wish.any_exec = false;
  Case c = draw_case(draws, can, wish);
  const bool cumulative = can.dialect.cumulative != Cumulative::unsupported && draws.chance(1, 3);
  // Outside [0, 1] the statistics diverge. Small momenta show a drift.
  c.config.momentum = cumulative ? std::nullopt : std::optional(draws.pick({0.1, 0.01, 0.001, 0.5, 0.9}));
  const auto steps = static_cast<std::size_t>(2 + 3 * draws.size());
  const Call call = c.calls[0];
  c.calls.resize(steps, call);
  return c;
}

// ---- a layer that continues from a state

/// Compares outputs, running statistics and counters of the last `count` calls of both runs.
void judge_continuation(const Run& whole, const Run& other, std::size_t count, const Capabilities& can,
                        Verdict& verdict) {
  const std::size_t skipped = whole.content.calls.size() - count;
  const std::size_t other_skipped = other.content.calls.size() - count;
  for (std::size_t j = 0; j < count && !verdict.is_bad(); ++j) {
    const std::size_t a = skipped + j;
    const std::size_t b = other_skipped + j;
    whole.values(a);
    other.values(b);
    for (const auto& [output, expected] : whole.expected[a].outputs) {
      for (std::int64_t i = 0; i < expected.size(); ++i) {
        judge_agreement({&whole, a, output, i}, {&other, b, output, i}, can.numerics.deterministic, can,
                        verdict);
      }
    }
    if (whole.after(a).num_batches_tracked != other.after(b).num_batches_tracked) {
      verdict =
          Verdict::violated("num_batches_tracked is " + std::to_string(other.after(b).num_batches_tracked) +
                            ", of the original " + std::to_string(whole.after(a).num_batches_tracked));
    }
  }
}

/// A layer that starts from the state of another, and one that loads it over its own, continue as the other
/// does. The same calls run on the same numbers, so bits are compared if the subject is deterministic.
Verdict check_round_trip(const Case& c, Runner& runner) {
  require_success(c, runner.can());
  std::size_t cut = 0;
  for (std::size_t j = 0; j < c.calls.size(); ++j) {
    if (std::holds_alternative<SetMomentum>(c.calls[j].operation)) {
      return Verdict::not_applicable("momentum is no part of the state");
    }
    if (std::holds_alternative<Forward>(c.calls[j].operation)) cut = j;
  }
  if (cut == 0) return Verdict::not_applicable("no forward call after another call");
  const Run whole = runner.run(c);
  Case clone = c;
  clone.state = whole.after(cut - 1);
  clone.calls.erase(clone.calls.begin(), clone.calls.begin() + static_cast<std::ptrdiff_t>(cut));
  Case loaded = clone;
  loaded.state = c.state;
  loaded.calls.insert(loaded.calls.begin(), {Load{clone.state}, {}});
  const std::size_t count = clone.calls.size();
  Verdict verdict;
  judge_continuation(whole, runner.run(clone), count, runner.can(), verdict);
  if (!verdict.is_bad() && runner.can().settable) {
    judge_continuation(whole, runner.run(loaded), count, runner.can(), verdict);
  }
  return verdict;
}
Case draw_round_trip(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.calls = static_cast<int>(draws.between(2, 4));
  wish.shape.max_elements = 100;
  return draw_case(draws, can, wish);
}

}  // namespace

std::vector<Law> momentum_laws() {
  return {
      {"momentum_mixture",
       "running <- (1-m) running + m s, where s is the statistic that the same call leaves with m = 1.",
       {Need::running_statistics},
       draw_mixture,
       check_mixture,
       {.rationale = "It judges the update in the subject's own numbers, while momentum_one_step needs the "
                     "exact ones."}},
      {"momentum_long_sequence",
       "Equal batches move the running statistics to (1-m)^k r + (1 - (1-m)^k) s.",
       {Need::running_statistics},
       draw_long_sequence,
       check_long_sequence,
       {.bulky = true,
        .rationale = "It detects a drift that is too small for one step, in up to 302 updates with the same "
                     "batch."}},
      {"state_round_trip",
       "A layer that starts from another's state, or loads it, continues as the other does.",
       {},
       draw_round_trip,
       check_round_trip,
       {.rationale = "Only this law compares a layer with another one that continues from its state."}},
  };
}

}  // namespace bncheck
