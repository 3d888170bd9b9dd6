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
Recipe with_form(Form form) {
  return made([=](Recipe& r) { r.normalising.training_form = r.normalising.inference_form = form; });
}
Recipe with_gradient(GradientForm form) {
  return made([=](Recipe& r) { r.differentiating.form = form; });
}

}  // namespace

const std::vector<Control>& controls() {
  static const std::vector<Control> all{
      {"two_pass",
       "the reference: two passes, sums in blocks of eight folded by a tree, a part per thread",
       {},
       Summation::blocked},
      {"naive", "two passes, one running sum each", with_sums(SumMethod::naive), Summation::naive},
      {"pairwise", "two passes, a tree down to single terms", with_sums(SumMethod::pairwise),
       Summation::blocked},
      {"kahan", "two passes, compensated sums", with_sums(SumMethod::kahan), Summation::compensated},
      {"wide", "two passes, sums in double, everything else in float", with_sums(SumMethod::wide),
       Summation::wide},
      {"welford", "Welford's recurrence in chunks of 16, merged by a tree",
       made([](Recipe& r) { r.normalising.moments = MomentMethod::welford; }), Summation::welford},
      {"reversed", "two passes, every sum from the last term to the first",
       with_sums(SumMethod::blocked, true), Summation::blocked},
      {"scale_first", "(x - mean) (gamma invstd) + beta", with_form(Form::scale_first), Summation::blocked},
      {"divide", "gamma ((x - mean)/sqrt(V)) + beta", with_form(Form::divide), Summation::blocked},
      {"fused", "fma(x - mean, gamma invstd, beta)", with_form(Form::fused), Summation::blocked},
      {"gradient_centred", "(dy - mean(dy) - (x - mean) k) invstd gamma, k = sum(dy (x - mean)) invstd^2/n",
       with_gradient(GradientForm::centred), Summation::blocked},
      {"gradient_papers", "gamma invstd/n (n dy - sum(dy) - x^ sum(dy x^))",
       with_gradient(GradientForm::papers), Summation::blocked},
      {"gradient_deltas", "the gradients of mean and variance first, invstd^3 in the latter",
       with_gradient(GradientForm::deltas), Summation::blocked},
  };
  return all;
}

std::unique_ptr<Subject> make_control(std::string_view name) {
  const auto found = std::ranges::find(controls(), name, &Control::name);
  if (found == controls().end()) return nullptr;
  return make_variant("control:", name, found->recipe, found->summation);
}

}  // namespace bncheck::variants
