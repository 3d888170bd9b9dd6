/// Laws about y as a function of x, γ and β, and about one pass after another.

#include <algorithm>
#include <cmath>

#include "bncheck/elements.hpp"

#include "laws/catalogue.hpp"
#include "laws/relations.hpp"

namespace bncheck {
namespace {

Counterpart y_of(const Run& run, std::size_t index) {
  return {&run, 0, Output::y, static_cast<std::int64_t>(index)};
}
long double value_of(const Run& run, std::size_t index) {
  return static_cast<long double>(run.output(0, Output::y).floats()[index]);
}

CaseWish tame(Draws& draws) {
  CaseWish wish;
  wish.regime = draws.pick(
      {Regime::ordinary, Regime::large_mean, Regime::integers, Regime::sparse, Regime::two_valued});
  return wish;
}
Case draw_tame(Draws& draws, const Capabilities& can) {
  return draw_case(draws, can, tame(draws));
}

// ---- γ and β

Case without_parameters(Case c, const Capabilities& can) {
  if (can.without_affine) {
    c.config.set_affine(false);
    c.state.weight.reset();
    c.state.bias.reset();
  } else {
    if (c.config.weight) c.state.weight = Tensor::filled(c.state.weight->shape, 1);
    if (c.config.bias) c.state.bias = Tensor::filled(c.state.bias->shape, 0);
  }
  return c;
}

/// y = γ·y1 + β, where y1 is y without parameters. Both sides agree within A + |γ|·A1, with the attainable
/// errors of y and y1, because the statistics do not depend on γ and β.
Verdict check_parameters(const Case& c, Runner& runner) {
  const Forward& forward = one_valid_forward(c, runner.can());
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  if (!c.config.has_parameters()) return Verdict::not_applicable("no parameters");
  const Geometry geometry(forward.x.shape, runner.can().dialect.axes);
  const Run run = runner.run(c);
  const Run plain = runner.run(without_parameters(c, runner.can()));
  Verdict verdict;
  judge_changes(
      plain, run,
      [&](Output output, std::int64_t i) -> Change {
        if (output != Output::y) return {};
        const std::int64_t channel = geometry.channel_of(i);
        return {element_or(c.state.weight, channel, 1), element_or(c.state.bias, channel, 0)};
      },
      runner.can(), verdict);
  return verdict;
}
Case draw_affine(Draws& draws, const Capabilities& can) {
  Case c = draw_tame(draws, can);
  while (!c.config.has_parameters()) c = draw_tame(draws, can);
  return c;
}

// ---- x

/// Calls `judge` for each channel, with the elements of the channel in ascending order of x.
template <class Judge>
Verdict check_sorted(const Case& c, Runner& runner, const Judge& judge) {
  const Forward& forward = one_valid_forward(c, runner.can());
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  const Geometry geometry(forward.x.shape, runner.can().dialect.axes);
  const std::span<const float> x = forward.x.floats();
  const Run run = runner.run(c);
  run.values(0);
  Verdict verdict;
  for (std::int64_t k = 0; k < geometry.channels && !verdict.is_bad(); ++k) {
    std::vector<std::size_t> order = geometry.elements(k);
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(x[i], i); });
    judge(run, k, x, order, verdict);
  }
  return verdict;
}

/// y = α·x + β′ within a channel, in both modes. So each y lies on the chord between the y of the least x and
/// the y of the largest x, at the same fraction t, within A + (1 − t)·A_low + t·A_high.
///
/// Both weights, t and 1 − t, are computed as quotients of differences, each with a relative error of at most
/// 3·2^−64. A weight 1 − t from a subtraction could lose everything, as for t = 1 − 2^−65, although the y
/// that it multiplies may be 2^64 times as large as the other.
Verdict check_collinear(const Case& c, Runner& runner) {
  return check_sorted(c, runner,
                      [&](const Run& run, std::int64_t channel, std::span<const float> x,
                          const std::vector<std::size_t>& order, Verdict& verdict) {
                        const std::size_t low = order.front();
                        const std::size_t high = order.back();
                        const auto at = [&](std::size_t i) { return static_cast<long double>(x[i]); };
                        const long double width = at(high) - at(low);
                        for (const std::size_t i : order) {
                          if (i == low || i == high || verdict.is_bad()) continue;
                          const bool wide = width > 0;
                          Balance balance(runner.can());
                          balance.add(1, y_of(run, i));
                          balance.add(wide ? -(at(high) - at(i)) / width : -1, y_of(run, low));
                          balance.add(wide ? -(at(i) - at(low)) / width : 0, y_of(run, high));
                          balance.judge(verdict, "y less its chord in channel " + std::to_string(channel));
                        }
                      });
}

/// A larger x has no smaller γ·(y − β), and an equal x has an equal y. Neighbours in the order of x may
/// violate that by at most the sum of their errors, because the vector loop may round differently from its
/// tail.
Verdict check_monotone(const Case& c, Runner& runner) {
  return check_sorted(c, runner,
                      [&](const Run& run, std::int64_t channel, std::span<const float> x,
                          const std::vector<std::size_t>& order, Verdict& verdict) {
                        const long double gamma = element_or(c.state.weight, channel, 1);
                        for (std::size_t k = 1; k < order.size() && !verdict.is_bad(); ++k) {
                          const std::size_t i = order[k - 1];
                          const std::size_t j = order[k];
                          const bool may_rise = gamma != 0 && x[i] < x[j];
                          const long double rise = value_of(run, j) - value_of(run, i);
                          if (may_rise && (gamma > 0 ? rise >= 0 : rise <= 0)) continue;
                          Balance balance(runner.can());
                          balance.add(1, y_of(run, j));
                          balance.add(-1, y_of(run, i));
                          balance.judge(verdict, "a step of y in channel " + std::to_string(channel));
                        }
                      });
}

// ---- inference

/// With given statistics, an element of y depends on its own x only. The second run changes x at the odd
/// indices and must leave y at the even ones as it is. The same code runs on the same shapes, so bits are
/// compared if the subject is deterministic.
Verdict check_elementwise(const Case& c, Runner& runner) {
  const Forward& forward = one_valid_forward(c, runner.can());
  if (uses_batch(c.config, forward)) return Verdict::not_applicable("batch statistics");
  Tensor x = forward.x;
  for (std::size_t i = 1; i < x.size(); i += 2) x.floats()[i] = 0.5f * x.floats()[i] - 7;
  const Run run = runner.run(c);
  const Run other = runner.run(with_input(c, std::move(x)));
  run.values(0);
  Verdict verdict;
  for (std::size_t i = 0; i < forward.x.size(); i += 2) {
    judge_agreement(y_of(run, i), y_of(other, i), runner.can().numerics.deterministic, runner.can(), verdict);
  }
  return verdict;
}
Case draw_inference(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = false;
  wish.track_running_stats = true;
  return draw_case(draws, can, wish);
}

long double factor_of(long double variance, long double eps, const Dialect& dialect) {
  const long double v = std::max(variance, 0.0L);
  if (dialect.eps_place == EpsPlace::absent) return 1 / std::sqrt(v);
  return dialect.eps_place == EpsPlace::outside ? 1 / (std::sqrt(v) + eps) : 1 / std::sqrt(v + eps);
}

/// Ratio of the normalising variance to the running variance of the same batch of n values.
long double normalising_share(const Dialect& dialect, long double n) {
  const auto correction = [&](Correction kind) {
    return kind == Correction::unbiased && n > 1 ? n / (n - 1) : 1;
  };
  return correction(dialect.normalising_variance) / correction(dialect.running_variance);
}

/// Inference with the statistics that training with momentum 1 left gives the y of that training call. The
/// returned mean is off by at most A_m. The normalising variance v is off by at most A_v, which includes its
/// conversion from the running variance and the rounding to float. h(v) = 1/√(v + ε) is convex and
/// decreasing, so the true factor lies within h·(1 ± ρ), where ρ = h(v − A_v)/h(v) − 1. Both y therefore
/// differ by at most |γ|·h·(1 + ρ)·A_m + |y − β|·ρ, and by their own errors.
Verdict check_repeats(const Case& c, Runner& runner) {
  const Forward& forward = one_batch_forward(c, runner.can());
  if (!updates_running(c.config, forward) || c.config.momentum != 1.0) {
    return Verdict::not_applicable("not a tracked training call with momentum 1");
  }
  const Capabilities& can = runner.can();
  const Geometry geometry(forward.x.shape, runner.can().dialect.axes);
  const auto n = static_cast<long double>(geometry.values());
  const long double share = normalising_share(can.dialect, n);
  const Run training = runner.run(c);
  training.values(0);
  Case again = c;
  again.state = training.after(0);
  std::get<Forward>(again.calls[0].operation).training = false;
  for (float& v : again.state.running_var->floats())
    v = static_cast<float>(share * static_cast<long double>(v));
  if (!all_finite(again)) return Verdict::not_applicable("statistics that are not finite");
  const Run inference = runner.run(again);
  inference.values(0);
  const auto eps = static_cast<long double>(effective_eps(c.config, can.dialect, Dtype::f32));
  Verdict verdict;
  bool judged = false;
  for (std::int64_t k = 0; k < geometry.channels && !verdict.is_bad(); ++k) {
    const Measured mean = measure({&training, 0, Output::running_mean, k}, can);
    const Measured variance = measure({&training, 0, Output::running_var, k}, can);
    if (!mean.usable || !variance.usable) continue;
    const long double v = element_or(again.state.running_var, k, 1);
    const long double error = share * variance.bound + 0x1p-24L * v + 0x1p-149L;
    const long double h = factor_of(v, eps, can.dialect);
    const long double rho = factor_of(v - error, eps, can.dialect) / h - 1;
    const long double of_mean =
        static_cast<long double>(std::fabs(element_or(c.state.weight, k, 1))) * h * (1 + rho) * mean.bound;
    for (const std::size_t i : geometry.elements(k)) {
      const Measured y = measure(y_of(inference, i), can);
      if (!y.usable || verdict.is_bad()) continue;
      Balance balance(can);
      balance.add(1, y_of(training, i));
      balance.add(-1, y_of(inference, i));
      balance.allow(of_mean + (std::fabs(y.value - element_or(c.state.bias, k, 0)) + y.bound) * rho);
      judged = balance.judge(verdict, "y of training less y of inference with its statistics") || judged;
    }
  }
  if (!judged) return Verdict::not_applicable("no channel keeps its intermediate results in range");
  return verdict;
}
Case draw_repeats(Draws& draws, const Capabilities& can) {
  CaseWish wish = tame(draws);
  wish.training = true;
  wish.track_running_stats = true;
  wish.regime = draws.pick({Regime::ordinary, Regime::integers, Regime::sparse});
  Case c = draw_case(draws, can, wish);
  c.config.momentum = 1.0;
  if (draws.chance(1, 2)) c.config.eps = draws.pick({1e-3, 0.5, 1.0, 4.0});
  return c;
}

// ---- y normalised again

/// σ² of a channel in long double. The values are shifted by the first one, so that a large mean does not
/// cancel.
long double variance_of(std::span<const float> x, const std::vector<std::size_t>& channel) {
  const auto n = static_cast<long double>(channel.size());
  const auto value = [&](std::size_t i) {
    return static_cast<long double>(x[i]) - static_cast<long double>(x[channel[0]]);
  };
  long double mean = 0;
  long double variance = 0;
  for (const std::size_t i : channel) mean += value(i) / n;
  for (const std::size_t i : channel) variance += (value(i) - mean) * (value(i) - mean) / n;
  return variance;
}

/// Without parameters, y1 = BN(x) has mean 0 and standard deviation s = σ/√(σ² + ε), and BN(y1) =
/// y1/√(s² + ε). The computed y1 is off by A_i. So its mean is off by at most a = mean(A_i), and its standard
/// deviation, which is a seminorm, by at most the root mean square r of the A_i. Hence y2 = g·(y1 − m) up to
/// the A of y2, with |m| ≤ a and g within c·(1 ± ρ), where c = 1/√(s² + ε) and ρ =
/// √(s² + ε)/√((s − r)² + ε) − 1. The term n·2^−58 covers the arithmetic in long double here.
Verdict check_idempotent(const Case& given, Runner& runner) {
  const Forward& forward = one_batch_forward(given, runner.can());
  const Capabilities& can = runner.can();
  const Case c = without_parameters(given, can);
  const Run first = runner.run(c);
  const Case again = with_input(c, first.output(0, Output::y));
  if (!all_finite(again)) return Verdict::not_applicable("y is not finite");
  const Run second = runner.run(again);
  second.values(0);
  const Geometry geometry(forward.x.shape, runner.can().dialect.axes);
  const auto eps = static_cast<long double>(effective_eps(c.config, can.dialect, Dtype::f32));
  Verdict verdict;
  bool judged = false;
  for (std::int64_t k = 0; k < geometry.channels && !verdict.is_bad(); ++k) {
    const std::vector<std::size_t> channel = geometry.elements(k);
    const auto n = static_cast<long double>(channel.size());
    long double a = 0;
    long double squares = 0;
    bool usable = true;
    for (const std::size_t i : channel) {
      const Measured y = measure(y_of(first, i), can);
      usable = usable && y.usable;
      a += y.bound / n;
      squares += y.bound * y.bound / n;
    }
    if (!usable) continue;
    const long double variance = variance_of(forward.x.floats(), channel);
    const long double s = std::sqrt(variance / (variance + eps));
    const long double least = std::max(s - std::sqrt(squares), 0.0L);
    const long double factor = 1 / std::sqrt(s * s + eps);
    const long double rho = std::sqrt((s * s + eps) / (least * least + eps)) - 1;
    for (const std::size_t i : channel) {
      Balance balance(can);
      balance.add(1, y_of(second, i));
      balance.add(-factor * value_of(first, i));
      balance.allow(factor * (1 + rho) * a + std::fabs(factor * value_of(first, i)) * (rho + n * 0x1p-58L));
      judged = balance.judge(verdict, "y normalised again less its multiple") || judged;
    }
  }
  if (!judged) return Verdict::not_applicable("no channel keeps its intermediate results in range");
  return verdict;
}
Case draw_idempotent(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = true;
  wish.regime = draws.pick({Regime::ordinary, Regime::integers, Regime::sparse, Regime::large_mean});
  Case c = draw_case(draws, can, wish);
  c.config.eps = draws.pick({1e-5, 1e-3, 1.0, 0.1});
  return c;
}
}  // namespace

std::vector<Law> affine_laws() {
  return {
      {"affine_parameters",
       "y = gamma y1 + beta, where y1 is y without parameters.",
       {},
       draw_affine,
       check_parameters,
       {.rationale =
            "It detects a wrong use of gamma and beta by the subject's own normalised x, without the "
            "exact answer."}},
      {"affine_in_x",
       "y = alpha x + beta' in each channel, so all y lie on the chord from the least x to the largest.",
       {},
       draw_tame,
       check_collinear,
       {.rationale = "It needs no statistics, so wrong statistics violate other laws but not this one."}},
      {"monotone_in_x",
       "In each channel y never falls where gamma x rises, and equal x have equal y.",
       {},
       draw_tame,
       check_monotone,
       {.rationale = "It judges the order of the results, on which a threshold behind the layer relies."}},
      {"inference_elementwise",
       "In inference each y depends on no x but its own.",
       {},
       draw_inference,
       check_elementwise,
       {.rationale = "It shows that inference does not use the batch, without the exact answer."}},
      {"inference_repeats_training",
       "Inference with the statistics of a training batch gives the y of that training call.",
       {Need::running_statistics},
       draw_repeats,
       check_repeats,
       {.rationale = "It compares the formulas of the two modes, and so detects an eps or a formula that "
                     "differs in one of them."}},
      {"idempotent",
       "Normalising y again divides it by sqrt(s^2 + eps), s^2 = sigma^2/(sigma^2 + eps).",
       {Need::eps_inside, Need::population_normalising},
       draw_idempotent,
       check_idempotent,
       {.rationale = "Users expect a normalisation to be idempotent, and the law checks it with the factor "
                     "that eps causes."}},
  };
}

}  // namespace bncheck
