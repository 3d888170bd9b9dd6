/// Correct implementations in the forms in which they are commonly written.

#include <algorithm>

#include "subjects/variants/fault_families.hpp"

namespace bncheck::variants {
namespace {

Recipe with_sums(SumMethod method, bool reversed = false) {
  return made([=](Recipe& r) {
    for (Summing* sums : {&r.normalising.sums, &r.differentiating.sums}) {
      sums->method = method;
      sums->reversed = reversed;
    }
  });
}
Recipe with_moments(MomentMethod method, SumMethod sums = SumMethod::blocked) {
  Recipe recipe = with_sums(sums);
  recipe.normalising.moments = method;
  return recipe;
}
Recipe with_form(Form form) {
  return made([=](Recipe& r) { r.normalising.training_form = r.normalising.inference_form = form; });
}
Recipe with_gradient(GradientForm form) {
  return made([=](Recipe& r) { r.differentiating.form = form; });
}
Recipe folded() {
  Recipe recipe = with_form(Form::folded);
  recipe.differentiating.form = GradientForm::folded;
  return recipe;
}

/// Claim of a control: sound, with the sums of its recipe.
Numerics sums(Summation summation, bncheck::Form form = bncheck::Form::centred) {
  return {.summation = summation, .form = form};
}

/// Controls whose every step scales as far as it must: no intermediate result leaves the range.
std::vector<Control> scaled_controls() {
  const Numerics blocked = sums(Summation::blocked);
  return {
      {"two_pass",
       "the reference: two passes, sums in blocks of eight folded by a tree, a part per thread",
       {},
       blocked},
      {"naive", "two passes, one running sum each", with_sums(SumMethod::naive), sums(Summation::naive)},
      {"pairwise", "two passes, a tree down to single terms", with_sums(SumMethod::pairwise), blocked},
      {"kahan", "two passes, compensated sums", with_sums(SumMethod::kahan), sums(Summation::compensated)},
      {"wide", "two passes, sums in double, everything else in float", with_sums(SumMethod::wide),
       sums(Summation::wide)},
      {"welford", "Welford's recurrence in chunks of 16, merged by a tree",
       with_moments(MomentMethod::welford), sums(Summation::welford)},
      {"reversed", "two passes, every sum from the last term to the first",
       with_sums(SumMethod::blocked, true), blocked},
      {"scale_first", "(x - mean) (gamma invstd) + beta", with_form(Form::scale_first), blocked},
      {"divide", "gamma ((x - mean)/sqrt(V)) + beta", with_form(Form::divide), blocked},
      {"fused", "fma(x - mean, gamma invstd, beta)", with_form(Form::fused), blocked},
      {"gradient_centred", "(dy - mean(dy) - (x - mean) k) invstd gamma, k = sum(dy (x - mean)) invstd^2/n",
       with_gradient(GradientForm::centred), blocked},
      {"gradient_papers", "gamma invstd/n (n dy - sum(dy) - x^ sum(dy x^))",
       with_gradient(GradientForm::papers), blocked},
      {"gradient_deltas", "the gradients of mean and variance first, invstd^3 in the latter",
       with_gradient(GradientForm::deltas), blocked},
  };
}

/// Controls in float arithmetic as it is written. What overflows there is a limit, no fault.
std::vector<Control> literal_controls() {
  const Numerics blocked = sums(Summation::blocked);
  const Numerics naive = sums(Summation::naive);
  const Numerics compensated = sums(Summation::compensated);
  std::vector<Control> all{
      {"literal", "the reference in float as it is written", {}, blocked},
      {"literal_naive", "one running sum each", with_sums(SumMethod::naive), naive},
      {"literal_pairwise", "a tree down to single terms", with_sums(SumMethod::pairwise), blocked},
      {"literal_8_lanes", "eight running sums, as in a vector register", with_sums(SumMethod::lanes_8),
       naive},
      {"literal_32_lanes", "32 running sums, as in a warp", with_sums(SumMethod::lanes_32), naive},
      {"literal_256_lanes", "256 running sums, as in a block of GPU threads", with_sums(SumMethod::lanes_256),
       naive},
      {"literal_reversed", "every sum from the last term to the first", with_sums(SumMethod::naive, true),
       naive},
      {"literal_kahan", "Kahan's sums", with_sums(SumMethod::kahan), compensated},
      {"literal_neumaier", "Neumaier's sums", with_sums(SumMethod::neumaier), compensated},
      {"literal_wide", "sums in double, rounded to float", with_sums(SumMethod::wide), sums(Summation::wide)},
      {"literal_welford", "Welford's recurrence in chunks of 16, merged by a tree",
       with_moments(MomentMethod::welford), sums(Summation::welford)},
      {"literal_welford_sequential", "Welford's recurrence from the first value to the last",
       with_moments(MomentMethod::welford_sequential, SumMethod::naive), naive},
      {"literal_welford_8_lanes", "eight of Welford's recurrences, merged by a tree",
       with_moments(MomentMethod::welford_8, SumMethod::lanes_8), naive},
      {"literal_welford_256_lanes", "256 of Welford's recurrences, merged by a tree",
       with_moments(MomentMethod::welford_256, SumMethod::lanes_256), naive},
      {"literal_chan", "two passes over 49 values each, merged one after the other",
       with_moments(MomentMethod::chan, SumMethod::naive), naive},
      {"literal_scale_first", "(x - mean) (gamma invstd) + beta", with_form(Form::scale_first), blocked},
      {"literal_divide", "gamma ((x - mean)/sqrt(V)) + beta", with_form(Form::divide), blocked},
      {"literal_fused", "fma(x - mean, gamma invstd, beta)", with_form(Form::fused), blocked},
      {"literal_newton", "invstd as an estimate of 12 bits with one Newton step",
       made([](Recipe& r) { r.normalising.inversion = Inversion::newton; }), blocked},
      {"literal_folded", "y = x alpha + (beta - mean alpha), dx = a dy + b x + c", folded(),
       sums(Summation::blocked, bncheck::Form::folded)},
      {"literal_gradient_centred", "(dy - mean(dy) - (x - mean) k) invstd gamma",
       with_gradient(GradientForm::centred), blocked},
      {"literal_gradient_papers", "gamma invstd/n (n dy - sum(dy) - x^ sum(dy x^))",
       with_gradient(GradientForm::papers), blocked},
      {"literal_gradient_deltas", "the gradients of mean and variance first",
       with_gradient(GradientForm::deltas), blocked},
      {"literal_gradient_sums", "(dy - (sum(dy) + x^ sum(dy x^))/n) (gamma invstd)",
       with_gradient(GradientForm::from_sums), blocked},
  };
  for (Control& control : all) control.recipe.literal = true;
  return all;
}

/// Float arithmetic that takes subnormal numbers for zeros, and makes none: x86 with FTZ and DAZ, XLA on a CPU, GPUs.
std::vector<Control> flushing_controls() {
  std::vector<Control> all{
      {"flushing", "literal, subnormal inputs and results replaced by zeros", {}, sums(Summation::blocked)},
      {"flushing_naive", "literal_naive, the same", with_sums(SumMethod::naive), sums(Summation::naive)},
      {"flushing_welford", "literal_welford, the same", with_moments(MomentMethod::welford),
       sums(Summation::welford)},
      {"flushing_folded", "literal_folded, the same", folded(),
       sums(Summation::blocked, bncheck::Form::folded)},
      {"flushing_gradient_papers", "literal_gradient_papers, the same", with_gradient(GradientForm::papers),
       sums(Summation::blocked)},
      {"flushing_gradient_deltas", "literal_gradient_deltas, the same", with_gradient(GradientForm::deltas),
       sums(Summation::blocked)}};
  for (Control& control : all) {
    control.recipe.literal = control.recipe.flushes = true;
    control.numerics.flush_to_zero = true;
  }
  return all;
}

}  // namespace

const std::vector<Control>& controls() {
  static const std::vector<Control> all = [] {
    std::vector<Control> table = scaled_controls();
    for (Control& control : literal_controls()) table.push_back(std::move(control));
    for (Control& control : flushing_controls()) table.push_back(std::move(control));
    return table;
  }();
  return all;
}

std::unique_ptr<Subject> make_control(std::string_view name) {
  const auto found = std::ranges::find(controls(), name, &Control::name);
  if (found == controls().end()) return nullptr;
  return make_variant("control:", name, found->recipe, found->numerics);
}

}  // namespace bncheck::variants
