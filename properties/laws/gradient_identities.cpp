/// Laws about identities of the gradients of a batch normalisation.

#include <cmath>

#include "generate/gradients.hpp"
#include "laws/catalogue.hpp"
#include "laws/relations.hpp"

namespace bncheck {
namespace {

Measured measure(const Run& run, Output output, std::int64_t index, const Capabilities& can) {
  return measure({&run, gradient_call, output, index}, can);
}

std::string in_channel(const std::string& what, std::int64_t channel) {
  return what + " in channel " + std::to_string(channel);
}

/// Rounding of long double in a sum of n terms whose absolute values add up to `size`.
long double rounding(long double n, long double size) {
  return n * 0x1p-62L * size;
}

/// Normalised values and statistics of a channel in long double, independent of the exact answer. The values
/// are shifted by the first one.
struct Normalised {
  std::vector<long double> values;  ///< x̂
  long double variance = 0;         ///< σ²
  long double invstd = 0;
  long double error = 0;  ///< error of each of the values
};

Normalised normalise(std::span<const float> x, const std::vector<std::size_t>& indices, long double eps) {
  Normalised result;
  const auto n = static_cast<long double>(indices.size());
  const auto value = [&](std::size_t i) { return static_cast<long double>(x[i]); };
  const long double shift = value(indices[0]);
  long double mean = 0;
  long double reach = 0;
  for (const std::size_t i : indices) {
    mean += (value(i) - shift) / n;
    reach = std::max(reach, std::fabs(value(i) - shift));
  }
  for (const std::size_t i : indices) {
    result.values.push_back(value(i) - shift - mean);
    result.variance += result.values.back() * result.values.back() / n;
  }
  result.invstd = 1 / std::sqrt(result.variance + eps);
  for (long double& v : result.values) v *= result.invstd;
  // The roundings of the shifted value, of the sum of the mean and of the factor, relative to the largest
  // shifted value.
  result.error = rounding(n + 4, 2 * reach * result.invstd);
  return result;
}

template <class Judge>
Verdict check_training_channels(const Case& c, Runner& runner, const Judge& judge) {
  const auto [forward, backward] = one_valid_gradient(c, runner.can());
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  if (!forward.training) return Verdict::not_applicable("inference");
  if (!backward.want_dx) return Verdict::not_applicable("no dx is wanted");
  const Run run = runner.run(c);
  run.values(gradient_call);
  const Geometry geometry(forward.x.shape, runner.can().dialect.axes);
  Verdict verdict;
  bool judged = false;
  for (std::int64_t k = 0; k < geometry.channels && !verdict.is_bad(); ++k) {
    const std::vector<std::size_t> indices = geometry.elements(k);
    std::vector<Measured> dx;
    bool usable = true;
    for (const std::size_t i : indices) {
      dx.push_back(measure(run, Output::dx, static_cast<std::int64_t>(i), runner.can()));
      usable = usable && dx.back().usable;
    }
    if (usable && judge(run, k, indices, dx, verdict)) judged = true;
  }
  if (!judged) return Verdict::not_applicable("no channel keeps its intermediate results in range");
  return verdict;
}

/// Σ dx = 0 exactly, because a common shift of x does not change y. So the sum of the returned dx is at most
/// the sum of their attainable errors.
Verdict check_sum(const Case& c, Runner& runner) {
  return check_training_channels(c, runner,
                                 [](const Run&, std::int64_t channel, const std::vector<std::size_t>&,
                                    const std::vector<Measured>& dx, Verdict& verdict) {
                                   long double sum = 0;
                                   long double bound = 0;
                                   long double size = 0;
                                   for (const Measured& m : dx) {
                                     sum += m.value;
                                     bound += m.bound;
                                     size += std::fabs(m.value);
                                   }
                                   judge_bound(verdict, in_channel("the sum of dx", channel), sum, 0,
                                               bound + rounding(static_cast<long double>(dx.size()), size));
                                   return true;
                                 });
}

/// dx = 0 for a constant dy, because Σ y = n·β does not depend on x.
Verdict check_constant(const Case& c, Runner& runner) {
  const auto [forward, backward] = one_valid_gradient(c, runner.can());
  const Geometry geometry(forward.x.shape, runner.can().dialect.axes);
  for (std::int64_t k = 0; k < geometry.channels; ++k) {
    const float first = backward.dy.floats()[static_cast<std::size_t>(geometry.at(0, k, 0))];
    for (const std::size_t i : geometry.elements(k)) {
      if (backward.dy.floats()[i] != first) {
        return Verdict::not_applicable("dy is not constant");
      }
    }
  }
  return check_training_channels(c, runner,
                                 [](const Run&, std::int64_t channel, const std::vector<std::size_t>&,
                                    const std::vector<Measured>& dx, Verdict& verdict) {
                                   for (const Measured& m : dx) {
                                     judge_bound(verdict, in_channel("dx of a constant dy", channel), m.value,
                                                 0, m.bound);
                                   }
                                   return true;
                                 });
}

/// Σ dx·x̂ = γ·h·(ε/V)·Σ dy·x̂, and Σ dy·x̂ is dγ. With ε = 0 both sides would be 0, because scaling x would
/// not change y. Each dx is off by at most A_i, dγ by A, and the x̂ that are computed here by their error in
/// long double.
Verdict check_eps_identity(const Case& c, Runner& runner) {
  if (!c.config.weight) return Verdict::not_applicable("no dgamma");
  if (c.calls.size() == 2) {
    const auto* backward = std::get_if<Backward>(&c.calls[1].operation);
    if (backward != nullptr && !backward->want_dweight) return Verdict::not_applicable("no dgamma is wanted");
  }
  const auto eps = static_cast<long double>(effective_eps(c.config, runner.can().dialect, Dtype::f32));
  return check_training_channels(
      c, runner,
      [&](const Run& run, std::int64_t channel, const std::vector<std::size_t>& indices,
          const std::vector<Measured>& dx, Verdict& verdict) {
        const Measured dgamma = measure(run, Output::dweight, channel, runner.can());
        if (!dgamma.usable) return false;
        const auto& x = std::get<Forward>(run.content.calls[0].operation).x;
        const Normalised normal = normalise(x.floats(), indices, eps);
        const auto gamma =
            static_cast<long double>(c.state.weight->floats()[static_cast<std::size_t>(channel)]);
        const long double factor = gamma * normal.invstd * (eps / (normal.variance + eps));
        long double sum = 0;
        long double bound = std::fabs(factor) * dgamma.bound;
        long double size = std::fabs(factor * dgamma.value);
        for (std::size_t i = 0; i < dx.size(); ++i) {
          sum += dx[i].value * normal.values[i];
          bound += dx[i].bound * (std::fabs(normal.values[i]) + normal.error) +
                   std::fabs(dx[i].value) * normal.error;
          size += std::fabs(dx[i].value * normal.values[i]);
        }
        judge_bound(verdict, in_channel("the sum of dx x^", channel), sum, factor * dgamma.value,
                    bound + rounding(static_cast<long double>(dx.size() + 8), size));
        return true;
      });
}

/// Wish for values whose squares usually stay in range. Otherwise no channel keeps its intermediate results
/// in range, and the law judges nothing.
CaseWish tame(Draws& draws) {
  CaseWish wish;
  wish.training = true;
  if (draws.chance(15, 16)) {
    wish.regime = draws.pick(
        {Regime::ordinary, Regime::large_mean, Regime::integers, Regime::sparse, Regime::two_valued});
  }
  return wish;
}

/// Case in which all gradients are requested, usually with parameters and with an ε that matters beside the
/// variance of the data.
Case draw_tame(Draws& draws, const Capabilities& can, std::optional<GradientKind> kind) {
  CaseWish wish = tame(draws);
  if (can.without_affine && draws.chance(1, 8)) {
    wish.affine = false;
  } else {
    wish.affine = true;
  }
  Case c = draw_gradient_case(draws, can, wish, kind);
  if (draws.chance(7, 8)) c.config.eps = draws.pick({1e-5, 1e-3, 1.0, 1e-2});
  auto& backward = std::get<Backward>(c.calls[gradient_call].operation);
  backward.want_dx = backward.want_dweight = backward.want_dbias = true;
  return c;
}
Case draw_training(Draws& draws, const Capabilities& can) {
  const bool huge = draws.chance(1, 16);
  if (huge) return draw_tame(draws, can, std::nullopt);
  return draw_tame(draws, can,
                   draws.pick({GradientKind::like_output, GradientKind::nearly_constant,
                               GradientKind::one_hot, GradientKind::indicator, GradientKind::huge_and_tiny}));
}
Case draw_constant(Draws& draws, const Capabilities& can) {
  Case c = draw_tame(draws, can, GradientKind::constant);
  // Levels whose sums stay in range. backward_matches_oracle draws the other levels.
  const Geometry geometry(std::get<Forward>(c.calls[0].operation).x.shape, can.dialect.axes);
  const std::span<float> dy = std::get<Backward>(c.calls[gradient_call].operation).dy.floats();
  for (std::int64_t k = 0; k < geometry.channels; ++k) {
    const float level = std::ldexp(draw_ordinary(draws), static_cast<int>(draws.between(-20, 20)));
    for (const std::size_t i : geometry.elements(k)) dy[i] = level;
  }
  return c;
}
Case draw_affine_training(Draws& draws, const Capabilities& can) {
  Case c = draw_training(draws, can);
  while (!c.config.weight) c = draw_training(draws, can);
  return c;
}

/// dx, dγ and dβ are linear in dy. dy is split without rounding: values at even indices into their leading
/// bits and the rest, the other values into zero and themselves. The results of the three runs may differ by
/// the sum of their bounds.
Verdict check_linear(const Case& c, Runner& runner) {
  const Backward& backward = one_valid_gradient(c, runner.can()).backward;
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  Tensor head = backward.dy;
  Tensor tail = backward.dy;
  for (std::size_t i = 0; i < head.size(); ++i) {
    float& h = head.floats()[i];
    h = i % 2 == 0 ? std::bit_cast<float>(std::bit_cast<std::uint32_t>(h) & 0xfffff000U) : 0.0f;
    tail.floats()[i] -= h;
  }
  const Run whole = runner.run(c);
  const Run first = runner.run(with_gradient(c, std::move(head)));
  const Run second = runner.run(with_gradient(c, std::move(tail)));
  Verdict verdict;
  bool judged = false;
  whole.values(gradient_call);
  for (const auto& [output, expected] : whole.expected[gradient_call].outputs) {
    for (std::int64_t i = 0; i < expected.size() && !verdict.is_bad(); ++i) {
      const Measured w = measure(whole, output, i, runner.can());
      const Measured a = measure(first, output, i, runner.can());
      const Measured b = measure(second, output, i, runner.can());
      if (!w.usable || !a.usable || !b.usable) continue;
      judged = true;
      judge_bound(verdict, std::string(name_of(output)) + '[' + std::to_string(i) + "] of a sum of two dy",
                  w.value, a.value + b.value,
                  w.bound + a.bound + b.bound + rounding(2, std::fabs(a.value) + std::fabs(b.value)));
    }
  }
  if (!judged) return Verdict::not_applicable("no element keeps its intermediate results in range");
  return verdict;
}
Case draw_any(Draws& draws, const Capabilities& can) {
  Case c = draw_training(draws, can);
  if (can.dialect.averaging != Averaging::none && c.config.track_running_stats) {
    std::get<Forward>(c.calls[0].operation).training = draws.chance(3, 4);
    auto& backward = std::get<Backward>(c.calls[gradient_call].operation);
    if (backward.training) backward.training = std::get<Forward>(c.calls[0].operation).training;
  }
  return c;
}

/// x + c has the same x̂, so dx, dγ and dβ agree within both bounds. The bound at x + c includes the loss of
/// a sound algorithm from a mean far above the spread.
Verdict check_shift(const Case& c, Runner& runner) {
  const Forward& forward = one_valid_gradient(c, runner.can()).forward;
  if (!forward.training || !all_finite(c)) return Verdict::not_applicable("inference, or not finite");
  const Run here = runner.run(c);
  const Run there = runner.run(with_input(c, shifted(forward.x, runner.can().dialect.axes).x));
  Verdict verdict;
  judge_same_results(here, there, false, runner.can(), verdict);
  return verdict;
}
Case draw_shiftable(Draws& draws, const Capabilities& can) {
  Case c = draw_training(draws, can);
  leave_few_bits(draws, std::get<Forward>(c.calls[0].operation).x);
  return c;
}

}  // namespace

std::vector<Law> gradient_identity_laws() {
  return {
      {"backward_sums_to_zero",
       "In training dx sums to 0 over each channel, within the sum of the attainable errors.",
       {Need::backward},
       draw_training,
       check_sum,
       {.rationale = "It judges dx alone, and is the first law to look at if training drifts."}},
      {"backward_of_constant",
       "In training dx = 0 for a dy that is constant in each channel.",
       {Need::backward},
       draw_constant,
       check_constant,
       {.rationale = "Its exact answer is 0, so a missing mean(dy) shows as the whole of dx."}},
      {"backward_eps_identity",
       "In training Sum dx x^ = gamma invstd dgamma eps/(sigma^2 + eps).",
       {Need::backward, Need::own_gradient, Need::eps_inside, Need::population_normalising},
       draw_affine_training,
       check_eps_identity,
       {.rationale = "It relates dx to dgamma through eps, and so detects an error that both share and "
                     "other identities miss."}},
      {"backward_linear",
       "dx, dgamma and dbeta are linear in dy.",
       {Need::backward},
       draw_any,
       check_linear,
       {.rationale = "It needs no formula of the gradient."}},
      {"backward_shift_invariance",
       "In training x + c gives the same dx and dgamma as x.",
       {Need::backward},
       draw_shiftable,
       check_shift,
       {.rationale = "It detects cancellation in the gradient by comparing two answers of the subject."}},
  };
}

}  // namespace bncheck
