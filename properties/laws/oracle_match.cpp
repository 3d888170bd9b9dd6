/// Laws that compare with the exact answer, element by element, in both directions.

#include <algorithm>
#include <bit>
#include <cmath>

#include "bncheck/elements.hpp"

#include "laws/catalogue.hpp"
#include "laws/direction.hpp"

namespace bncheck {
namespace {

// ---- ordinary data

/// Inserts a new momentum or another state before one of the calls. The calls after it show whether it took
/// effect.
void insert_setting(Draws& draws, const Capabilities& can, Case& c) {
  const auto setting = [&]() -> Operation {
    if (draws.chance(1, 2)) return SetMomentum{draws.pick({0.0, 0.25, 0.5, 1.0, -0.5})};
    CaseWish wish;
    wish.dtypes = dtypes_in(c);
    return Load{draw_state(draws, c.config, can.dialect, wish, input_of(c.calls[0])->shape)};
  };
  const std::uint64_t place = draws.below(c.calls.size());
  c.calls.insert(c.calls.begin() + static_cast<std::ptrdiff_t>(place), Call{setting(), {}});
}

Case draw_forward_calls(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.calls = 0;
  Case c = draw_case(draws, can, wish);
  if (can.settable && draws.chance(1, 3)) insert_setting(draws, can, c);
  return c;
}

Verdict check_gradients(const Case& c, Runner& runner) {
  const auto is_backward = [](const Call& call) { return std::holds_alternative<Backward>(call.operation); };
  if (std::ranges::none_of(c.calls, is_backward)) return Verdict::not_applicable("no backward call");
  return judge_every_gradient(c, runner);
}

/// Inference with one value per channel, which is enough there, and its gradient.
Case draw_single_values(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = false;
  wish.track_running_stats = true;
  wish.shape.min_values = 1;
  wish.shape.max_elements = 1;
  return draw_gradient_case(draws, can, wish);
}

/// Case with a forward call and its gradient, and sometimes with more: a second gradient of the same call;
/// another forward call, usually in the other mode, and its gradient; the two forward calls before either gradient, which
/// is that of the second; a new momentum before the gradient, which does not affect it.
Case draw_gradient_calls(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  if (draws.chance(1, 16)) return draw_single_values(draws, can);
  Case c = draw_gradient_case(draws, can, wish);
  const auto forward = std::get<Forward>(c.calls[0].operation);
  switch (draws.below(6)) {
    case 0:
      c.calls.push_back(draw_backward_call(draws, can, forward, wish));
      break;
    case 1: {
      Call other = c.calls[0];
      auto& second = std::get<Forward>(other.operation);
      wish.dtypes = dtypes_in(c);
      second.x = draw_input(draws, forward.x.shape, wish);
      // Batch statistics require ε > 0, inference does not.
      if (c.config.eps > 0) second.training = !second.training;
      Call gradient = draw_backward_call(draws, can, second, wish);
      if (draws.chance(1, 2)) c.calls.pop_back();
      c.calls.push_back(std::move(other));
      c.calls.push_back(std::move(gradient));
      break;
    }
    case 2:
      if (can.settable) c.calls.insert(c.calls.begin() + 1, Call{SetMomentum{0.5}, {}});
      break;
    default:
      break;
  }
  return c;
}

// ---- the exponent range

/// The bound holds for every exponent of x, dy, γ and the statistics. Underflow of an intermediate result is part of A.
/// Where one overflows (of y: x − μ, n·σ², Σ|x|, γ·h or the product; of gradients: a power of invstd, a sum of products,
/// a product with γ) although inputs and results are finite, the bound of an arithmetic with a wider range must hold:
/// other results are a limit of the subject (core/rank.hpp).
Verdict check_extreme_range(const Direction& d, const Case& c, Runner& runner) {
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  d.require(c, runner.can());
  const Run run = runner.run(c);
  run.values(d.judged);
  Verdict verdict;
  judge_call(run, d.judged, runner.can(), Judged::all, verdict);
  return verdict;
}

/// Ordinary values times a power of two of its own for each tensor. x and the running statistics of half of the cases
/// have the same one, so that x − μ does not come from one of them alone. ε is about as large as the variance in half of
/// the cases; a larger one hides it. γ brings the result to an exponent of its own in some, wherever the products on the
/// way lie.
void draw_exponents(Draws& draws, const Direction& d, Case& c) {
  const Dtype dtype = input(c, 0).dtype;
  const int of_x = draw_exponent(draws, dtype);
  scale_by(*input_of(c.calls[0]), of_x);
  const int of_main = d.judged > 0 ? draw_exponent(draws, dtype) : of_x;
  if (d.judged > 0) scale_by(*input_of(c.calls[d.judged]), of_main);
  const int of_statistics = draws.chance(1, 2) ? of_x : draw_exponent(draws, dtype);
  // Limits of ε, and of a deviation whose square is a float32.
  if (draws.chance(1, 2))
    c.config.eps =
        std::ldexp(1.0, std::clamp(2 * of_statistics + static_cast<int>(draws.between(-12, 4)), -126, 127));
  const int of_deviation = std::clamp(of_statistics, -63, 63);
  if (c.state.weight && draws.chance(2, 3)) {
    const int free = draw_exponent(draws, c.state.weight->dtype);
    // γ·x or γ·dy beyond the largest number, as far as the deviation brings the result back.
    const int end = 1 - format_of(dtype).min_exponent;
    const int beyond = end + static_cast<int>(draws.between(0, std::max(of_deviation, 0))) - of_main;
    scale_by(*c.state.weight, draws.pick({free, free + of_deviation - of_main, beyond}));
  }
  if (!c.state.running_mean) return;
  scale_by(*c.state.running_mean, of_statistics);
  scale_by(*c.state.running_var, 2 * of_statistics);
}

Case draw_extreme(const Direction& d, Draws& draws, const Capabilities& can) {
  CaseWish wish;
  const bool own_exponents = draws.chance(2, 3);
  wish.regime = own_exponents        ? draws.pick({Regime::ordinary, Regime::large_mean, Regime::sparse})
                : draws.chance(2, 3) ? Regime::huge
                                     : Regime::tiny;
  if (!own_exponents) wish.training = can.training;
  Case c = d.draw(draws, leaving_range(can), wish);
  if (own_exponents) draw_exponents(draws, d, c);
  if (auto* backward = std::get_if<Backward>(&c.calls[d.judged].operation))
    backward->want_dx = backward->want_dweight = backward->want_dbias = true;
  return c;
}

// ---- infinities and NaN

/// If x, a parameter or a statistic is infinite or NaN, the result is that of the formula evaluated once in
/// the extended reals: NaN where that is NaN, the infinity where that is infinite, and finite elements within
/// the bound.
///
/// Gradients in training: a non-finite x or dy makes dx and dγ of its channel NaN, while dβ is the sum in the
/// extended reals. A non-finite γ affects dx only, by the sign of dx/γ. In inference dx = γ·(dy/√V), element
/// by element. An infinity is not judged if sound arithmetic may miss its sign.
Verdict check_non_finite_rule(const Direction& d, const Case& c, Runner& runner) {
  d.require(c, runner.can());
  if (all_finite(c)) return Verdict::not_applicable("all values are finite");
  const Run run = runner.run(c);
  run.values(d.judged);
  Verdict verdict;
  judge_call(run, d.judged, runner.can(), Judged::in_range, verdict);
  if (!verdict.is_bad()) judge_state(run, d.judged, verdict);
  return verdict;
}

Case draw_special(const Direction& d, Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.special_values = true;
  Case c = d.draw(draws, can, wish);
  if (all_finite(c)) put_special(draws, *input_of(c.calls[draws.below(d.inputs())]));
  return c;
}

// ---- bits

constexpr std::uint32_t canonical_nan = 0x7fc00000;

/// Checks the bits of zeros and NaN, which other laws compare by value. Every NaN has the same bits, a result
/// that is exactly 0 is +0, and a y or statistic that is not 0 but rounds to 0 keeps its sign. A gradient
/// that is not exactly 0 is left out, because after cancellation only a subject whose claim is exact has its
/// sign for certain.
Verdict check_canonical(const Direction& d, const Case& c, Runner& runner) {
  d.require(c, runner.can());
  const bool keeps_sign = d.judged == 0;
  const Run run = runner.run(c);
  run.values(d.judged);
  Verdict verdict;
  for (const auto& [output, expected] : run.expected[d.judged].outputs) {
    const std::span<const float> got = run.output(d.judged, output).floats();
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      const float value = got[static_cast<std::size_t>(i)];
      const ExactNumber exact = expected.value(i);
      const float nearest = exact.nearest_f32();
      const bool zero =
          value == 0 && nearest == 0 && (keeps_sign || (exact.is_finite() && exact.sign() == 0));
      const std::uint32_t right =
          std::isnan(value) ? canonical_nan : std::bit_cast<std::uint32_t>(zero ? nearest : value);
      if (std::bit_cast<std::uint32_t>(value) == right) continue;
      add_mismatch(verdict, {d.judged, output, i, value, nearest, {}},
                   std::string(name_of(output)) + " is a zero or a NaN of other bits than the contract's");
    }
  }
  return verdict;
}

/// Case with zeros in x, and with β = −0 beside a γ of either sign. Arithmetic that does not care for the
/// sign of zero gives some −0.
Case draw_zeros(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.special_values = draws.chance(1, 2);
  wish.regime = draws.pick({Regime::sparse, Regime::integers, Regime::constant, Regime::tiny});
  if (wish.special_values) wish.regime.reset();
  Case c = draw_case(draws, can, wish);
  if (c.state.bias) {
    for (float& beta : c.state.bias->floats()) beta = draws.chance(1, 2) ? -0.0f : beta;
  }
  return c;
}

/// Case with a dy that is constant or has one nonzero value, and with a γ of either sign, so that gradients
/// are exactly 0.
Case draw_gradient_zeros(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.special_values = draws.chance(1, 3);
  return draw_gradient_case(draws, can, wish, draws.pick({GradientKind::constant, GradientKind::one_hot}));
}

// ---- long sums

/// Elements of a long y or dx that are judged, to save time: all elements share the same statistics and sums. A fault in
/// a few places is met by some case, for another first value gives other elements. A case that shrinks mostly keeps its
/// first value, and so its elements.
Sample sample_of(const Case& c) {
  const Tensor& x = *input_of(c.calls[0]);
  return {64, x.size() == 0 ? 0 : element_bits(x, 0)};
}

/// Checks sums over many values, where a running sum in float drifts. With n terms of one sign, it is off by
/// about n^(3/2)·u of one term, or by n²·u if all are rounded alike, while A allows about log n·u of the sum.
Verdict check_long_sums(const Direction& d, const Case& c, Runner& runner) {
  d.require(c, runner.can());
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  const Run run = runner.run(c);
  run.values(d.judged);
  Verdict verdict;
  if (fit_to_judge(run, d.judged, runner.can())) {
    judge_call(run, d.judged, runner.can(), Judged::in_range, verdict, {}, sample_of(c));
  }
  return verdict;
}

/// Long case with its gradient. dy has one sign, so that Σ dy grows throughout, or the signs of x, so that Σ
/// dy·x grows throughout.
Case draw_long_gradient(Draws& draws, const Capabilities& can) {
  Case c = draw_long_case(draws, can);
  Tensor dy = std::get<Forward>(c.calls[0].operation).x;
  const bool aligned = draws.chance(1, 2);
  change_elements(dy, [&](double v) {
    const double size = std::fabs(static_cast<double>(draw_ordinary(draws)));
    return aligned ? std::copysign(size, v) : size;
  });
  c.calls.push_back({Backward{std::move(dy), true, true, true, {}}, {}});
  return c;
}

// ---- the laws

/// Generators that differ between the directions.
struct Draw {
  Case (*calls)(Draws&, const Capabilities&);
  Case (*zeros)(Draws&, const Capabilities&);
  Case (*long_sums)(Draws&, const Capabilities&);
};

std::vector<Law> laws_of(const Direction& d, const Draw& draw) {
  const bool forward = d.judged == 0;
  const LawTraits exact{.exact = true, .any_dtype = true};
  return {
      {d.name("matches_oracle"),
       forward
           ? "Every output of every call is the exact result within the subject's claim: |got - exact| <= A."
           : "dx, dgamma and dbeta are the exact results within the claim, |got - exact| <= A, and "
             "the state stays as it was.",
       d.needs,
       draw.calls,
       forward ? judge_every_call : check_gradients,
       {.exact = true,
        .any_dtype = true,
        .rationale = "It detects any wrong number with ordinary data, while the other laws show the cause."}},
      law_over(d, "extreme_range",
               forward
                   ? "|got - exact| <= A for all exponents of x, gamma and the statistics, also if squares, "
                     "sums or products leave the range of float."
                   : "|got - exact| <= A for all exponents of x, dy, gamma and the statistics, also if sums, "
                     "products or powers of invstd leave the range of float.",
               {Need::squares_leave_range}, draw_extreme, check_extreme_range,
               "Only this law compares with the exact results at all exponents.", exact),
      {d.name("long_sums"),
       forward ? "Mean, variance and y of up to 2^17 values per channel are within the claim."
               : "dx, dgamma and dbeta of up to 2^17 values per channel are within the claim.",
       d.needs,
       draw.long_sums,
       [&d](const Case& c, Runner& runner) { return check_long_sums(d, c, runner); },
       {.bulky = true,
        .exact = true,
        .any_dtype = true,
        .rationale = "It draws enough values for a sum in float to stagnate, or a count to leave a narrow "
                     "dtype, and compares with the exact result."}},
      law_over(
          d, "non_finite_rule",
          forward
              ? "Infinities and NaN propagate as gamma ((x - mu)/sqrt(V)) + beta does in the extended reals."
              : "Infinities and NaN in x, dy, gamma and the statistics propagate to the gradients by "
                "the total rule.",
          {Need::non_finite_rule}, draw_special, check_non_finite_rule,
          "It checks a rule that the shipped BatchNorm declares, but no variant of the audit.", exact),
      {d.name("canonical_zero_and_nan"),
       forward ? "An exact zero is +0, a result that rounds to zero keeps its sign, NaN is 0x7fc00000."
               : "A gradient that is exactly zero is +0, NaN is 0x7fc00000.",
       d.with({Need::canonical_bits}),
       draw.zeros,
       [&d](const Case& c, Runner& runner) { return check_canonical(d, c, runner); },
       {.exact = true,
        .rationale = "It checks bits of zeros and NaN that the shipped BatchNorm declares, but no variant "
                     "of the audit."}},
  };
}

}  // namespace

std::vector<Law> oracle_laws() {
  return laws_of(forward_direction(), {draw_forward_calls, draw_zeros, draw_long_case});
}

std::vector<Law> gradient_oracle_laws() {
  return laws_of(backward_direction(), {draw_gradient_calls, draw_gradient_zeros, draw_long_gradient});
}

}  // namespace bncheck
