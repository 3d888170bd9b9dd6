#include "subjects/variants/fault_families.hpp"

namespace bncheck::variants {
namespace {

Recipe with_terms(GradientTerms terms) {
  return made([=](Recipe& r) { r.differentiating.terms = terms; });
}
Recipe with_dweight(WeightGradient dweight) {
  return made([=](Recipe& r) { r.differentiating.dweight = dweight; });
}
Recipe with_eps(EpsUse use) {
  return made([=](Recipe& r) { r.differentiating.eps = use; });
}
Recipe with_sums(SumMethod method) {
  return made([=](Recipe& r) { r.differentiating.sums.method = method; });
}

std::vector<Fault> dx_faults() {
  return {
      {"dx_without_mean", 14, "MIOpen 104", "dx lacks mean(dy).", with_terms(GradientTerms::no_mean)},
      {"dx_without_projection", 14, "mlpack 1923", "dx lacks x^ mean(dy x^).",
       with_terms(GradientTerms::no_projection)},
      {"dx_without_gamma", 14, textbook, "Training's dx lacks gamma.", with_terms(GradientTerms::no_gamma)},
      {"dx_without_gamma_without_bias", 14, textbook, "Where there is no bias, dx lacks gamma.",
       with_terms(GradientTerms::no_gamma_without_bias)},
      {"dx_with_invstd_squared", 14, textbook, "Training's dx has gamma invstd^2 for gamma invstd.",
       with_terms(GradientTerms::invstd_squared)},
      {"dx_projection_unbiased", 14, textbook, "The term x^ mean(dy x^) divides by n - 1.",
       with_terms(GradientTerms::unbiased_projection)},
      {"dx_training_as_inference", 14, textbook,
       "Training's dx is gamma dy invstd, as if the statistics were given.",
       with_terms(GradientTerms::as_in_inference)},
      {"dx_inference_as_training", 14, textbook, "Inference's dx has the terms of the batch's statistics.",
       made([](Recipe& r) { r.differentiating.given_as_batch = true; })},
      {"dx_alone_lacks_projection", 14, textbook,
       "mean(dy x^) comes from dweight, and is 0 where no dweight is asked for.",
       with_terms(GradientTerms::projection_if_dweight)},
  };
}

std::vector<Fault> sum_faults() {
  return {
      {"dweight_not_normalised", 14, textbook, "dweight is Sum dy (x - mean), without invstd.",
       with_dweight(WeightGradient::centred_only)},
      {"dweight_not_centred", 14, textbook, "dweight is Sum dy x invstd, without the mean.",
       with_dweight(WeightGradient::uncentred)},
      {"dweight_with_gamma", 14, textbook, "dweight is gamma Sum dy x^.",
       with_dweight(WeightGradient::with_gamma)},
      {"dbias_averaged", 14, textbook, "dbias is mean(dy).",
       made([](Recipe& r) { r.differentiating.dbias = BiasGradient::mean; })},
      {"gradient_running_float_sum", 20, textbook, "The gradients' sums are one running sum in float each.",
       with_sums(SumMethod::naive)},
      {"gradient_running_float_sum_beyond_4096", 20, textbook,
       "The gradients' sums are one running sum in float where n > 4096.", with_sums(SumMethod::naive_long)},
      {"gradient_shard_means_unweighted", 12, "pytorch 22192 (kind)",
       "mean(dy) and mean(dy x^) are those of the threads' parts, averaged without the parts' sizes.",
       made([](Recipe& r) { r.differentiating.sums.sharing = Sharing::means_unweighted; })},
      {"empty_batch_gradient_unwritten", 6, "pytorch 12013 (kind)",
       "dweight and dbias of an empty batch keep what was in the memory.",
       made([](Recipe& r) { r.differentiating.empty_unwritten = true; })},
  };
}

std::vector<Fault> statistics_faults() {
  return {
      {"gradient_one_pass", 3, "tensorflow 118701 (kind)",
       "The backward pass takes the variance as E[x^2] - E[x]^2.",
       made([](Recipe& r) { r.differentiating.moments = MomentMethod::one_pass; })},
      {"gradient_overflow", 11, "pytorch 162489 (kind)",
       "The backward pass's products, sums and powers have float's range.",
       made([](Recipe& r) { r.differentiating.narrow = r.differentiating.sums.narrow = true; })},
      {"gradient_eps_twice", 13, "chainer PR 4505 (kind)", "The backward pass has sqrt(V + eps + eps).",
       with_eps(EpsUse::twice)},
      {"gradient_eps_missing", 13, textbook, "The backward pass has sqrt(V).", with_eps(EpsUse::absent)},
      {"gradient_eps_outside_root", 13, textbook, "The backward pass has sqrt(V) + eps for sqrt(V + eps).",
       with_eps(EpsUse::outside)},
      {"gradient_eps_fixed", 13, textbook, "The backward pass uses 1e-5, whatever eps is configured.",
       with_eps(EpsUse::fixed)},
  };
}

}  // namespace

std::vector<Fault> gradient_faults() {
  std::vector<Fault> all = dx_faults();
  for (auto family : {sum_faults, statistics_faults}) {
    for (Fault& fault : family()) all.push_back(std::move(fault));
  }
  return all;
}

}  // namespace bncheck::variants
