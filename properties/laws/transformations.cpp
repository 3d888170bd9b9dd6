/// Laws about exact changes of all values (shift, scaling, reflection), and about the range of the results.

#include <algorithm>
#include <cmath>

#include "bncheck/elements.hpp"

#include "laws/catalogue.hpp"
#include "laws/relations.hpp"

namespace bncheck {
namespace {

// ---- shifts

/// x + c has the same x̂ and the same variance. Its mean is larger by c, and its running mean by its share of
/// c. The shift is as large as float can hold it, far above the spread. What E[x²] − E[x]² loses there is not
/// part of the bounds.
Verdict check_shift(const Case& c, Runner& runner) {
  const Forward& forward = one_batch_forward(c, runner.can());
  const Shifted moved = shifted(forward.x, runner.can().dialect.axes);
  const Run here = runner.run(c);
  const Run there = runner.run(with_input(c, moved.x));
  const long double share =
      running_weights(c.config, runner.can().dialect, c.state.num_batches_tracked + 1, Dtype::f32).fresh;
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

/// Whether the case can be scaled without rounding: x and the running mean by 2^k, the running variance by
/// 4^k, ε as by scaled_eps.
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

/// 2^k·x with 4^k·ε, and with running statistics of 2^k and 4^k times the value, has the same y. Its mean is
/// 2^k times and its variance 4^k times as large. Multiplication by powers of two is exact in float, so the
/// bounds are those of the results.
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

/// The same up to the ends of the range of float: x still is a finite float, its squares and sums overflow or
/// are subnormal, and y stays the same. An implementation that scales by powers of two, or works in a wider
/// format, loses no more there than elsewhere, as in the law extreme_range.
Verdict check_far_scaling(const Case& c, Runner& runner) {
  one_batch_forward(c, runner.can());
  for (int size = 126; size > 20; --size) {
    for (const int k : {size, -size}) {
      if (scales(c, k, runner.can().dialect)) return judge_scaling(c, runner, k, true);
    }
  }
  return Verdict::not_applicable("no large power of two scales the case without rounding");
}
/// Case with ε near one end of its range, so that scaling can move it to the other.
Case draw_far_scalable(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = true;
  wish.regime = draws.pick({Regime::ordinary, Regime::integers, Regime::sparse});
  Case c = draw_case(draws, can, wish);
  const bool upwards = draws.chance(2, 3);
  const auto room = static_cast<int>(draws.between(0, 30));
  c.config.eps = std::ldexp(1.0, upwards ? room - 126 : 127 - room);
  // Running statistics would overflow. Other laws judge them.
  if (c.state.running_mean) *c.state.running_mean = Tensor::zeros(Dtype::f32, c.state.running_mean->shape);
  if (c.state.running_var) *c.state.running_var = Tensor::zeros(Dtype::f32, c.state.running_mean->shape);
  // Values with few bits keep all of them when they become subnormal.
  for (float& v : std::get<Forward>(c.calls[0].operation).x.floats()) v = std::rint(64 * v) / 64;
  return c;
}

// ---- reflection

/// −x with −β and −running_mean has −y and the negative means; variances stay the same. Rounding to nearest
/// is symmetric, but sums may be taken in an order that depends on signs, so the results agree within both
/// bounds.
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

/// Upper limits of the results of a channel, from its largest |x| and the range of its x: |x̂| ≤ √(n − 1)
/// (Samuelson 1968), σ² ≤ (max − min)²/4 (Popoviciu 1935), |μ| ≤ max|x|, invstd ≤ 1/√ε. `variance` is the
/// limit of the unbiased variance.
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
      // √(2n) is above |x̂| ≤ √(n − 1) in every dialect.
      return std::fabs(element_or(c.state.weight, channel, 1)) * std::sqrt(2 * data.n) +
             std::fabs(element_or(c.state.bias, channel, 0));
    case Output::saved_mean:
      return data.largest;
    case Output::saved_var:
      return data.variance;
    case Output::saved_invstd:
      // 1/ε if it is outside the root.
      return std::max(1 / std::sqrt(static_cast<long double>(eps)), 1 / static_cast<long double>(eps));
    case Output::running_mean:
      return running(c.state.running_mean, data.largest);
    case Output::running_var:
      return running(c.state.running_var, data.variance);
    default:
      return 0;
  }
}

/// A result must be finite if its upper limit and the loss of sound arithmetic together are below 2^127, half
/// of the range of float. The loss matters: a mean of huge equal values that is off by an ulp makes a large
/// square.
Verdict check_finite(const Case& c, Runner& runner) {
  const Forward& forward = one_batch_forward(c, runner.can());
  const Geometry geometry(forward.x.shape, runner.can().dialect.axes);
  const Run run = runner.run(c);
  run.values(0);
  const RunningWeights weights =
      running_weights(c.config, runner.can().dialect, c.state.num_batches_tracked + 1, Dtype::f32);
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
      const long double ceiling =
          ceiling_of(output, c, ceilings[static_cast<std::size_t>(channel)], channel, weights,
                     effective_eps(c.config, runner.can().dialect, Dtype::f32)) +
          expected.slack(index, runner.can().numerics).amount;
      if (!(ceiling < 0x1p127L)) continue;
      add_mismatch(verdict,
                   {0, output, index, got[i], static_cast<float>(ceiling),
                    expected.error(index, got[i], runner.can().numerics)},
                   std::string(name_of(output)) + " is not finite though finite data bound it");
    }
  }
  return verdict;
}
/// Case with values whose squares or sums of squares overflow while their mean square is a float, or with
/// huge or any other values.
Case draw_large(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = true;
  wish.regime = draws.pick({Regime::ordinary, Regime::integers, Regime::huge});
  if (draws.chance(1, 4)) wish.regime.reset();
  Case c = draw_case(draws, can, wish);
  if (wish.regime != Regime::huge && wish.regime) {
    // σ is about 1 and n up to a few hundred: times 2^58 to 2^63, the squares are about 2^116 to 2^126.
    const auto exponent = static_cast<int>(draws.between(58, 63));
    for (float& v : std::get<Forward>(c.calls[0].operation).x.floats()) v = std::ldexp(v, exponent);
  }
  return c;
}

}  // namespace

std::vector<Law> transformation_laws() {
  return {
      {"shift_invariance",
       "In training x + c has the same y and variance as x, and a mean that is larger by c.",
       {},
       draw_shiftable,
       check_shift,
       {.rationale = "It detects cancellation by comparing two answers of the subject, without the exact "
                     "one."}},
      {"power_of_two_scaling",
       "2^k x with 4^k eps has the same y, 2^k times the mean and 4^k times the variance.",
       {Need::no_eps_floor},
       draw_scalable,
       check_scaling,
       {.rationale = "Scaling by powers of two is exact, so a difference comes from an eps or a constant "
                     "that does not scale."}},
      {"scaling_beyond_squares",
       "In training 2^k x with 4^k eps has the same y also if squares and sums leave the range of float.",
       {Need::no_eps_floor},
       draw_far_scalable,
       check_far_scaling,
       {.rationale = "It detects overflow of squares by comparing two answers of the subject, without the "
                     "exact one."}},
      {"sign_flip",
       "-x with -beta has -y, the negative mean and the same variance.",
       {},
       draw_tame,
       check_sign_flip,
       {.rationale = "Reflection is exact, so a difference comes from code that treats signs differently."}},
      {"finite_in_finite_out",
       "Finite data give finite results if the upper limit of the results is a float.",
       {Need::eps_present},
       draw_large,
       check_finite,
       {.rationale = "It is the weakest requirement of all, and users notice first if it is not met."}},
  };
}

}  // namespace bncheck
