/// What an exact change of all values does to the results: shifts, scaling, reflection.

#include <algorithm>
#include <cmath>

#include "bncheck/elements.hpp"

#include "laws/catalogue.hpp"
#include "laws/relations.hpp"

namespace bncheck {
namespace {

// ---- shifts

/// x + c has the same x^ and the same variance, and a mean that is c larger, the running one by its share of
/// c. The shift is as large as float holds it, far above the spread: what E[x^2] - E[x]^2 loses there is no
/// part of either bound.
Verdict check_shift(const Case& c, Runner& runner) {
  const Forward& forward = one_batch_forward(c, runner.can());
  const Shifted moved = shifted(forward.x, runner.can().dialect.axes);
  const Run here = runner.run(c);
  const Run there = runner.run(with_input(c, moved.x));
  const long double share =
      running_weights(c.config, runner.can().dialect, c.state.num_batches_tracked + 1).fresh;
  Verdict verdict;
  judge_changes(
      here, there,
      [&](Output output, std::int64_t i) -> Change {
        const bool running = output == Output::running_mean;
        if (output != Output::saved_mean && !running) return {};
        return {1,
                (running ? share : 1) * static_cast<long double>(moved.offsets[static_cast<std::size_t>(i)])};
      },
      runner.can(), verdict);
  return verdict;
}
Case draw_shiftable(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = true;
  wish.regime = draws.pick({Regime::ordinary, Regime::integers, Regime::sparse, Regime::two_valued});
  Case c = draw_case(draws, can, wish);
  leave_few_bits(draws, std::get<Forward>(c.calls[0].operation).x);
  return c;
}

// ---- scaling

std::optional<Tensor> scaled(std::optional<Tensor> tensor, int exponent) {
  if (tensor) {
    for (float& v : tensor->floats()) v = std::ldexp(v, exponent);
  }
  return tensor;
}

/// Nothing of the case is rounded where it is multiplied: x and the means by 2^k, eps and the variance by
/// 4^k.
bool scales(const Case& c, int k, const Dialect& dialect) {
  const auto fits = [](const std::optional<Tensor>& tensor, int exponent) {
    return !tensor || std::ranges::all_of(tensor->floats(), [=](float v) {
      return is_float(std::ldexp(static_cast<double>(v), exponent));
    });
  };
  const double eps = scaled_eps(c.config.eps, k, dialect);
  const bool eps_fits = c.config.eps == 0 || (eps >= 0x1p-126 && eps <= 0x1p127);
  return eps_fits && fits(std::get<Forward>(c.calls[0].operation).x, k) && fits(c.state.running_mean, k) &&
         fits(c.state.running_var, 2 * k);
}

Case scaled_case(Case c, int k, const Dialect& dialect) {
  auto& x = std::get<Forward>(c.calls[0].operation).x;
  x = *scaled(x, k);
  c.config.eps = scaled_eps(c.config.eps, k, dialect);
  c.state.running_mean = scaled(c.state.running_mean, k);
  c.state.running_var = scaled(c.state.running_var, 2 * k);
  return c;
}

Verdict judge_scaling(const Case& c, Runner& runner, int k, bool beyond) {
  const Run here = runner.run(c);
  const Run there = runner.run(scaled_case(c, k, runner.can().dialect));
  Verdict verdict;
  judge_changes(
      here, there,
      [&](Output output, std::int64_t) -> Change {
        switch (output) {
          case Output::saved_mean:
          case Output::running_mean:
            return {std::ldexp(1.0L, k), 0};
          case Output::saved_var:
          case Output::running_var:
            return {std::ldexp(1.0L, 2 * k), 0};
          case Output::saved_invstd:
            return {std::ldexp(1.0L, -k), 0};
          default:
            return {};
        }
      },
      runner.can(), verdict, beyond);
  return verdict;
}

/// 2^k x with 4^k eps, in inference with 2^k and 4^k times the statistics too, has the same y; the mean is
/// 2^k, the variance 4^k times as large. Powers of two are exact in float: the bounds are those of the
/// results.
Verdict check_scaling(const Case& c, Runner& runner) {
  one_valid_forward(c, runner.can());
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  for (const int k : {20, -20, 7, -7, 1, -1}) {
    if (scales(c, k, runner.can().dialect)) return judge_scaling(c, runner, k, false);
  }
  return Verdict::not_applicable("no power of two scales the case without rounding");
}
Case draw_scalable(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.regime =
      draws.pick({Regime::ordinary, Regime::large_mean, Regime::integers, Regime::sparse, Regime::mixed});
  Case c = draw_case(draws, can, wish);
  if (c.config.eps > 0) c.config.eps = std::clamp(c.config.eps, 0x1p-80, 0x1p80);
  return c;
}

/// The same as far as float reaches: where x still is a finite float, its squares and sums are none any more,
/// or only subnormal, and y is what it was. An implementation that scales by powers of two, or works in a
/// wider format, loses no more there than elsewhere, as with the law extreme_range.
Verdict check_far_scaling(const Case& c, Runner& runner) {
  one_batch_forward(c, runner.can());
  for (int size = 126; size > 20; --size) {
    for (const int k : {size, -size}) {
      if (scales(c, k, runner.can().dialect)) return judge_scaling(c, runner, k, true);
    }
  }
  return Verdict::not_applicable("no large power of two scales the case without rounding");
}
/// eps at one end of its range, so that it can go to the other.
Case draw_far_scalable(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = true;
  wish.regime = draws.pick({Regime::ordinary, Regime::integers, Regime::sparse});
  Case c = draw_case(draws, can, wish);
  const bool upwards = draws.chance(2, 3);
  const auto room = static_cast<int>(draws.between(0, 30));
  c.config.eps = std::ldexp(1.0, upwards ? room - 126 : 127 - room);
  // They would overflow, and are other laws' affair.
  if (c.state.running_mean) *c.state.running_mean = Tensor::zeros(Dtype::f32, c.state.running_mean->shape);
  if (c.state.running_var) *c.state.running_var = Tensor::zeros(Dtype::f32, c.state.running_mean->shape);
  // Small values keep their bits on the way down when they have few.
  for (float& v : std::get<Forward>(c.calls[0].operation).x.floats()) v = std::rint(64 * v) / 64;
  return c;
}

// ---- reflection

/// -x with -beta, in inference with -running_mean too, has -y and the negative means; variances stay.
/// Rounding to nearest knows no signs, but sums may be taken in an order that does: within both bounds.
Verdict check_sign_flip(const Case& c, Runner& runner) {
  one_valid_forward(c, runner.can());
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  Case flipped = c;
  for (float& v : std::get<Forward>(flipped.calls[0].operation).x.floats()) v = -v;
  for (std::optional<Tensor>* tensor : {&flipped.state.bias, &flipped.state.running_mean}) {
    if (!*tensor) continue;
    for (float& v : (*tensor)->floats()) v = -v;
  }
  const Run here = runner.run(c);
  const Run there = runner.run(flipped);
  Verdict verdict;
  judge_changes(
      here, there,
      [](Output output, std::int64_t) -> Change {
        const bool odd =
            output == Output::y || output == Output::saved_mean || output == Output::running_mean;
        return {odd ? -1.0L : 1.0L, 0};
      },
      runner.can(), verdict);
  return verdict;
}
Case draw_tame(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.regime = draws.pick({Regime::ordinary, Regime::large_mean, Regime::integers, Regime::sparse,
                            Regime::two_valued, Regime::mixed});
  return draw_case(draws, can, wish);
}

// ---- the range

/// What no result of a channel exceeds, from the least that is known of the data: |x^| <= sqrt(n - 1)
/// (Samuelson 1968), sigma^2 <= (max - min)^2/4 (Popoviciu 1935), |mu| <= max|x|, invstd <= 1/sqrt(eps).
struct Ceiling {
  long double n = 0, largest = 0, variance = 0;
};
Ceiling ceiling_of(std::span<const float> x, const std::vector<std::size_t>& channel) {
  long double low = static_cast<long double>(x[channel[0]]);
  long double high = low;
  for (const std::size_t i : channel) {
    low = std::min(low, static_cast<long double>(x[i]));
    high = std::max(high, static_cast<long double>(x[i]));
  }
  const auto n = static_cast<long double>(channel.size());
  return {n, std::max(std::fabs(low), std::fabs(high)),
          n > 1 ? (high - low) * (high - low) / 4 * n / (n - 1) : 0};
}

long double ceiling_of(Output output, const Case& c, const Ceiling& data, std::int64_t channel,
                       const RunningWeights& weights, double eps) {
  const auto running = [&](const std::optional<Tensor>& old, long double fresh) {
    return std::fabs(weights.old * element_or(old, channel, 0)) + std::fabs(weights.fresh) * fresh;
  };
  switch (output) {
    case Output::y:
      // sqrt(2) for an unbiased variance of two values.
      return std::fabs(element_or(c.state.weight, channel, 1)) * std::sqrt(2 * data.n) +
             std::fabs(element_or(c.state.bias, channel, 0));
    case Output::saved_mean:
      return data.largest;
    case Output::saved_var:
      return data.variance;
    case Output::saved_invstd:
      // 1/eps where it is outside the root.
      return std::max(1 / std::sqrt(static_cast<long double>(eps)), 1 / static_cast<long double>(eps));
    case Output::running_mean:
      return running(c.state.running_mean, data.largest);
    case Output::running_var:
      return running(c.state.running_var, data.variance);
    default:
      return 0;
  }
}

/// A result is finite where what it cannot exceed, and what sound arithmetic may lose beside it (a mean of
/// huge equal values that is off by an ulp has a large square), are below 2^127, half of what float holds.
Verdict check_finite(const Case& c, Runner& runner) {
  const Forward& forward = one_batch_forward(c, runner.can());
  const Geometry geometry(forward.x.shape, runner.can().dialect.axes);
  const Run run = runner.run(c);
  run.values(0);
  const RunningWeights weights =
      running_weights(c.config, runner.can().dialect, c.state.num_batches_tracked + 1);
  std::vector<Ceiling> ceilings;
  for (std::int64_t k = 0; k < geometry.channels; ++k) {
    ceilings.push_back(ceiling_of(forward.x.floats(), geometry.elements(k)));
  }
  Verdict verdict;
  for (const auto& [output, expected] : run.expected[0].outputs) {
    const std::span<const float> got = run.output(0, output).floats();
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (std::isfinite(got[i])) continue;
      const auto index = static_cast<std::int64_t>(i);
      const std::int64_t channel = output == Output::y ? geometry.channel_of(index) : index;
      const long double ceiling = ceiling_of(output, c, ceilings[static_cast<std::size_t>(channel)], channel,
                                             weights, effective_eps(c.config, runner.can().dialect)) +
                                  expected.slack(index, runner.can().numerics).amount;
      if (!(ceiling < 0x1p127L)) continue;
      add_mismatch(verdict, {0, output, index, got[i], static_cast<float>(ceiling), {}},
                   std::string(name_of(output)) + " is not finite though finite data bound it");
    }
  }
  return verdict;
}
/// Values whose squares overflow alone or in the sum, while their mean square is a float; and any others.
Case draw_large(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = true;
  wish.regime = draws.pick({Regime::ordinary, Regime::integers, Regime::huge});
  if (draws.chance(1, 4)) wish.regime.reset();
  Case c = draw_case(draws, can, wish);
  if (wish.regime != Regime::huge && wish.regime) {
    // sigma is about 1, n a few hundred: 2^60 to 2^63 have squares of 2^120 to 2^126.
    const auto exponent = static_cast<int>(draws.between(58, 63));
    for (float& v : std::get<Forward>(c.calls[0].operation).x.floats()) v = std::ldexp(v, exponent);
  }
  return c;
}

}  // namespace

std::vector<Law> transformation_laws() {
  return {
      {"shift_invariance",
       "In training x + c has the same y and variance as x, and a mean that is c larger.",
       {},
       draw_shiftable,
       check_shift,
       {.rationale = "Cancellation shows in the subject's own two answers; no exact one is needed."}},
      {"power_of_two_scaling",
       "2^k x with 4^k eps has the same y, 2^k times the mean, 4^k times the variance.",
       {Need::no_eps_floor},
       draw_scalable,
       check_scaling,
       {.rationale =
            "Scaling by powers of two is exact: what differs is an eps or a constant that does not scale."}},
      {"scaling_beyond_squares",
       "In training 2^k x has the same y also where squares and sums leave float's range.",
       {Need::no_eps_floor},
       draw_far_scalable,
       check_far_scaling,
       {.rationale = "Overflow of squares shows in the subject's own two answers; no exact one is needed."}},
      {"sign_flip",
       "-x with -beta has -y, the negative mean and the same variance.",
       {},
       draw_tame,
       check_sign_flip,
       {.rationale = "Reflection is exact: what differs treats signs differently."}},
      {"finite_in_finite_out",
       "Finite data give finite results where what they cannot exceed is a float.",
       {Need::eps_present},
       draw_large,
       check_finite,
       {.rationale = "The weakest promise of all, and the first that users miss."}},
  };
}

}  // namespace bncheck
