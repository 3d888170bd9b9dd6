/// Comparison with the exact answer, element by element.

#include <bit>
#include <cmath>

#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"

namespace bncheck {
namespace {

/// A new momentum or another state before one of the calls: whether it took effect shows in what follows.
void insert_setting(Draws& draws, const Capabilities& can, Case& c) {
  const auto setting = [&]() -> Operation {
    if (draws.chance(1, 2)) return SetMomentum{draws.pick({0.0, 0.25, 0.5, 1.0, -0.5})};
    CaseWish wish;
    wish.dtypes = dtypes_in(c);
    return Load{draw_state(draws, c.config, can.dialect, wish)};
  };
  const std::uint64_t place = draws.below(c.calls.size());
  c.calls.insert(c.calls.begin() + static_cast<std::ptrdiff_t>(place), Call{setting(), {}});
}

Case draw_any_forward(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.calls = 0;
  Case c = draw_case(draws, can, wish);
  if (can.settable && draws.chance(1, 3)) insert_setting(draws, can, c);
  return c;
}

/// The same bound where an intermediate result of float arithmetic (x - mu, sigma^2, n sigma^2, Sum|x|, gamma
/// h or the product) leaves [2^-126, 2^127] although x and the exact result are finite floats.
Verdict check_extreme_range(const Case& c, Runner& runner) {
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  one_valid_forward(c, runner.can());
  const Run run = runner.run(c);
  run.values(0);
  Verdict verdict;
  judge_call(run, 0, runner.can(), Judged::out_of_range, verdict);
  if (verdict.out_of_range == 0) return Verdict::not_applicable("all intermediate results are in range");
  return verdict;
}

Case draw_extreme(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = true;
  wish.regime = draws.chance(2, 3) ? Regime::huge : Regime::tiny;
  return draw_case(draws, leaving_range(can), wish);
}

/// Where x, a parameter or a statistic is infinite or NaN, the result is that of the formula evaluated once
/// in the extended reals: NaN where that is NaN, the infinity where that is infinite, finite elements in
/// bound.
Verdict check_non_finite_rule(const Case& c, Runner& runner) {
  one_valid_forward(c, runner.can());
  if (all_finite(c)) return Verdict::not_applicable("all values are finite");
  const Run run = runner.run(c);
  run.values(0);
  Verdict verdict;
  judge_call(run, 0, runner.can(), Judged::in_range, verdict);
  if (!verdict.is_bad()) judge_state(run, 0, verdict);
  return verdict;
}

Case draw_special(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.special_values = true;
  Case c = draw_case(draws, can, wish);
  if (all_finite(c)) {
    put_special(draws, std::get<Forward>(c.calls[0].operation).x);
  }
  return c;
}

/// The two places where other laws look at values and not at bits: every NaN is the same one, a result that
/// is exactly 0 is +0, and one that is not but rounds to zero keeps its sign.
Verdict check_canonical(const Case& c, Runner& runner) {
  one_valid_forward(c, runner.can());
  const Run run = runner.run(c);
  run.values(0);
  Verdict verdict;
  for (const auto& [output, expected] : run.expected[0].outputs) {
    const std::span<const float> got = run.output(0, output).floats();
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      const float value = got[static_cast<std::size_t>(i)];
      const float nearest = expected.value(i).nearest_f32();
      const bool special = (std::isnan(value) && std::isnan(nearest)) || (value == 0 && nearest == 0);
      if (!special || std::bit_cast<std::uint32_t>(value) == std::bit_cast<std::uint32_t>(nearest)) continue;
      add_mismatch(verdict, {0, output, i, value, nearest, {}},
                   std::string(name_of(output)) + " is a zero or a NaN of other bits than the contract's");
    }
  }
  return verdict;
}

Case draw_canonical(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.special_values = draws.chance(1, 2);
  wish.regime = draws.pick({Regime::sparse, Regime::integers, Regime::constant, Regime::tiny});
  if (wish.special_values) wish.regime.reset();
  Case c = draw_case(draws, can, wish);
  // beta = -0 and gamma of either sign: where a careless zero comes out negative.
  if (c.state.bias) {
    for (float& beta : c.state.bias->floats()) beta = draws.chance(1, 2) ? -0.0f : beta;
  }
  return c;
}

/// The elements of a long output that are worth the time: statistics are the same for all of them.
constexpr std::int64_t sample = 64;

/// Mean and variance over many values, where a running sum in float drifts: with n terms of one sign it is
/// off by about n^(3/2) u of one term, or n^2 u where all are rounded alike, while A allows for log n u of
/// their sum.
Verdict check_long_sums(const Case& c, Runner& runner) {
  one_valid_forward(c, runner.can());
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  const Run run = runner.run(c);
  run.values(0);
  Verdict verdict;
  judge_call(run, 0, runner.can(), Judged::in_range, verdict, {}, sample);
  return verdict;
}

std::optional<std::string> excludes_loose_bits(const Capabilities& can) {
  if (can.canonical_bits) return std::nullopt;
  return "the subject does not say which zero and which NaN it returns";
}

std::optional<std::string> excludes_without_rule(const Capabilities& can) {
  if (can.non_finite_rule) return std::nullopt;
  return "the subject declares no rule for values that are not finite";
}

}  // namespace

std::vector<Law> oracle_laws() {
  return {
      {"matches_oracle",
       "Every output of every call is the exact result within the subject's claim: |got - exact| <= A.",
       excludes_nobody,
       draw_any_forward,
       judge_every_call,
       {.exact = true,
        .any_dtype = true,
        .rationale =
            "It sees whatever is wrong with a number that ordinary data lead to; the others say what is "
            "wrong."}},
      {"extreme_range",
       "|got - exact| <= A also where squares, sums or products leave the range of float on the way.",
       excludes_always_in_range,
       draw_extreme,
       check_extreme_range,
       {.exact = true,
        .any_dtype = true,
        .rationale =
            "Only here are finite results asked for where a square or a sum on the way is not a float."}},
      {"long_sums",
       "Mean, variance and y of up to 2^17 values per channel are within the claim.",
       excludes_nobody,
       draw_long_case,
       check_long_sums,
       {.bulky = true,
        .exact = true,
        .any_dtype = true,
        .rationale = "Only here are there enough values for a sum in float to stagnate."}},
      {"non_finite_rule",
       "Infinities and NaN propagate as gamma ((x - mu)/sqrt(V)) + beta does in the extended reals.",
       excludes_without_rule,
       draw_special,
       check_non_finite_rule,
       {.exact = true,
        .any_dtype = true,
        .rationale = "It holds a subject to a rule that it declares; no variant declares one, the shipped "
                     "BatchNorm does."}},
      {"canonical_zero_and_nan",
       "An exact zero is +0, a result that rounds to zero keeps its sign, NaN is 0x7fc00000.",
       excludes_loose_bits,
       draw_canonical,
       check_canonical,
       {.exact = true,
        .rationale = "It looks at bits that all others ignore; no variant declares its zeros, the shipped "
                     "BatchNorm does."}},
  };
}

}  // namespace bncheck
