/// The backward pass against the exact answer, element by element.

#include <bit>
#include <cmath>
#include <limits>

#include "bncheck/elements.hpp"

#include "generate/gradients.hpp"
#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"

namespace bncheck {
namespace {

Verdict check_matches_oracle(const Case& c, Runner& runner) {
  bool any = false;
  for (const Call& call : c.calls) any = any || std::holds_alternative<Backward>(call.operation);
  if (!any) return Verdict::not_applicable("no backward call");
  return judge_every_gradient(c, runner);
}

/// One value per channel, which is enough in inference.
Case draw_single_values(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = false;
  wish.track_running_stats = true;
  wish.shape.min_values = 1;
  wish.shape.max_elements = 1;
  return draw_gradient_case(draws, can, wish);
}

/// One forward call and its gradient; a second gradient of it; a forward call in another mode in between,
/// which is then the latest; a new momentum, which does not matter to it.
Case draw_sequence(Draws& draws, const Capabilities& can) {
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
      // Batch statistics need an eps, which inference does not.
      if (c.config.eps > 0) second.training = !second.training;
      Call gradient = draw_backward_call(draws, can, second, wish);
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

/// The same bound where an intermediate result of float arithmetic (V, a power of invstd, a sum of products,
/// a product with gamma) leaves [2^-126, 2^127] although what goes in and what comes out are finite floats.
Verdict check_extreme_range(const Case& c, Runner& runner) {
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  one_valid_gradient(c, runner.can());
  const Run run = runner.run(c);
  run.values(gradient_call);
  Verdict verdict;
  judge_call(run, gradient_call, runner.can(), Judged::out_of_range, verdict);
  if (verdict.out_of_range == 0) return Verdict::not_applicable("all intermediate results are in range");
  return verdict;
}
Case draw_extreme(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = true;
  wish.regime = draws.chance(2, 3) ? Regime::huge : Regime::tiny;
  Case c = draw_gradient_case(draws, leaving_range(can), wish);
  std::get<Backward>(c.calls[gradient_call].operation).want_dx = true;
  return c;
}
std::optional<std::string> excludes_in_range(const Capabilities& can) {
  if (auto reason = excludes_without_backward(can)) return reason;
  return excludes_always_in_range(can);
}

/// A non-finite x or dy makes dx and dgamma of its channel NaN in training, while dbeta is the sum in the
/// extended reals; a non-finite gamma touches dx only, by the sign of dx/gamma. In inference dx is
/// gamma (dy/sqrt V), element by element. An infinity whose sign sound arithmetic may miss is not judged.
Verdict check_non_finite_rule(const Case& c, Runner& runner) {
  one_valid_gradient(c, runner.can());
  if (all_finite(c)) return Verdict::not_applicable("all values are finite");
  const Run run = runner.run(c);
  run.values(gradient_call);
  Verdict verdict;
  judge_call(run, gradient_call, runner.can(), Judged::in_range, verdict);
  if (!verdict.is_bad()) judge_state(run, gradient_call, verdict);
  return verdict;
}
Case draw_special(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.special_values = true;
  Case c = draw_gradient_case(draws, can, wish);
  if (all_finite(c)) {
    Tensor& tensor = draws.chance(1, 2) ? std::get<Backward>(c.calls[gradient_call].operation).dy
                                        : std::get<Forward>(c.calls[0].operation).x;
    put_special(draws, tensor);
  }
  return c;
}
std::optional<std::string> excludes_without_rule(const Capabilities& can) {
  if (!can.non_finite_rule) return "the subject declares no rule for values that are not finite";
  return excludes_without_backward(can);
}

/// What other laws do not see, for they look at values and not at bits: every NaN is the same one, and what
/// is exactly 0 is +0. Claims short of exact do not know the sign of what they cancel, only that of an exact
/// 0.
Verdict check_canonical(const Case& c, Runner& runner) {
  one_valid_gradient(c, runner.can());
  const Run run = runner.run(c);
  run.values(gradient_call);
  Verdict verdict;
  for (const auto& [output, expected] : run.expected[gradient_call].outputs) {
    const std::span<const float> got = run.output(gradient_call, output).floats();
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      const float value = got[static_cast<std::size_t>(i)];
      const ExactNumber exact = expected.value(i);
      const bool negative_zero = value == 0 && std::signbit(value) && exact.is_finite() && exact.sign() == 0;
      const bool other_nan = std::isnan(value) && std::bit_cast<std::uint32_t>(value) != 0x7fc00000U;
      if (!negative_zero && !other_nan) continue;
      add_mismatch(verdict, {gradient_call, output, i, value, exact.nearest_f32(), {}},
                   std::string(name_of(output)) + " is a zero or a NaN of other bits than the contract's");
    }
  }
  return verdict;
}
Case draw_canonical(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.special_values = draws.chance(1, 3);
  // A constant dy and one that is mostly zeros make exact zeros, with a gamma of either sign.
  return draw_gradient_case(draws, can, wish, draws.pick({GradientKind::constant, GradientKind::one_hot}));
}
std::optional<std::string> excludes_loose_bits(const Capabilities& can) {
  if (!can.canonical_bits) return "the subject does not say which zero and which NaN it returns";
  return excludes_without_backward(can);
}

/// The elements of a long dx that are worth the time: they share their sums.
constexpr std::int64_t sample = 64;

/// dgamma, dbeta and the means in dx over many values, where a running sum in float drifts: with n terms of
/// one sign it is off by about n^(3/2) u of one term, while A allows for log n u of their sum.
Verdict check_long_sums(const Case& c, Runner& runner) {
  one_valid_gradient(c, runner.can());
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  const Run run = runner.run(c);
  run.values(gradient_call);
  Verdict verdict;
  if (fit_to_judge(run, gradient_call, runner.can())) {
    judge_call(run, gradient_call, runner.can(), Judged::in_range, verdict, {}, sample);
  }
  return verdict;
}
/// dy of one sign, or of the sign of x^, so that either sum grows throughout.
Case draw_long_sums(Draws& draws, const Capabilities& can) {
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

}  // namespace

std::vector<Law> gradient_match_laws() {
  return {
      {"backward_matches_oracle",
       "dx, dgamma and dbeta are exact within the claim: |got - exact| <= A; the state stays as it was.",
       excludes_without_backward,
       draw_sequence,
       check_matches_oracle,
       {.exact = true,
        .any_dtype = true,
        .rationale =
            "It sees whatever is wrong with a gradient of ordinary data; the others say what is wrong."}},
      {"backward_extreme_range",
       "|got - exact| <= A also where sums, products or powers of invstd leave the range of float.",
       excludes_in_range,
       draw_extreme,
       check_extreme_range,
       {.exact = true,
        .any_dtype = true,
        .rationale = "Only here are finite gradients asked for where a product on the way is not a float."}},
      {"backward_non_finite_rule",
       "Infinities and NaN in x, dy, gamma and the statistics propagate to the gradients as the rule says.",
       excludes_without_rule,
       draw_special,
       check_non_finite_rule,
       {.exact = true,
        .any_dtype = true,
        .rationale = "It holds a subject to a rule that it declares; no variant declares one, the shipped "
                     "BatchNorm does."}},
      {"backward_long_sums",
       "dx, dgamma and dbeta of up to 2^17 values per channel are within the claim.",
       excludes_without_backward,
       draw_long_sums,
       check_long_sums,
       {.bulky = true,
        .exact = true,
        .any_dtype = true,
        .rationale = "Only here are there enough values for a gradient's sum in float to stagnate."}},
      {"backward_canonical_zero_and_nan",
       "A gradient that is exactly zero is +0, NaN is 0x7fc00000.",
       excludes_loose_bits,
       draw_canonical,
       check_canonical,
       {.exact = true,
        .rationale = "It looks at bits that all others ignore; no variant declares its zeros, the shipped "
                     "BatchNorm does."}},
  };
}

}  // namespace bncheck
