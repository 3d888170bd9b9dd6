#include "subjects/variants/fault_families.hpp"

namespace bncheck::variants {
namespace {

Recipe with_moments(MomentMethod method) {
  return made([=](Recipe& r) { r.normalising.moments = method; });
}
Recipe with_forms(Form form) {
  return made([=](Recipe& r) { r.normalising.training_form = r.normalising.inference_form = form; });
}
Recipe with_source(Source source) {
  return made([=](Recipe& r) { r.normalising.source = source; });
}
Recipe with_sharing(Sharing sharing) {
  return made([=](Recipe& r) { r.normalising.sums.sharing = sharing; });
}
Recipe with_sums(SumMethod method) {
  return made([=](Recipe& r) { r.normalising.sums.method = method; });
}
Recipe with_training_eps(EpsUse use) {
  return made([=](Recipe& r) { r.normalising.training_eps = use; });
}
Recipe with_inference_eps(EpsUse use) {
  return made([=](Recipe& r) { r.normalising.inference_eps = use; });
}

std::vector<Fault> moment_faults() {
  return {
      {"one_pass", 3, "flax 1491", "The variance is E[x^2] - E[x]^2 in float and may come out negative.",
       with_moments(MomentMethod::one_pass)},
      {"one_pass_clamped", 3, "tt-metal 45968",
       "The variance is max(E[x^2] - E[x]^2, 0): silently 0 at a large mean.",
       with_moments(MomentMethod::one_pass_clamped)},
      {"squares_overflow", 11, "pytorch 162489", "(x - mean)^2 and their sum have float's range.",
       made([](Recipe& r) { r.normalising.narrow_squares = true; })},
      {"sum_overflow", 11, "pytorch 162489 (kind)", "Partial sums of x have float's range.",
       made([](Recipe& r) { r.normalising.sums.narrow = true; })},
      {"shard_means_unweighted", 12, "pytorch 22192",
       "Means and variances are those of the threads' parts, averaged without the parts' sizes.",
       with_sharing(Sharing::means_unweighted)},
      {"chunk_means_unweighted", 12, "pytorch 22192 (kind)",
       "Means and variances are those of chunks of 32 values, averaged as if the last were full.",
       with_sharing(Sharing::chunks_unweighted)},
      {"shard_spread_lost", 12, "pytorch 22192 (kind)",
       "Threads' variances are averaged; how far their means lie apart is lost.",
       with_moments(MomentMethod::within_threads_only)},
      {"running_float_sum", 20, textbook, "Mean and variance come from one running sum in float.",
       with_sums(SumMethod::naive)},
      {"running_float_sum_beyond_4096", 20, textbook,
       "Mean and variance come from one running sum in float where n > 4096.",
       with_sums(SumMethod::naive_long)},
      {"normalises_unbiased", 1, textbook, "y is normalised with the variance over n - 1.",
       made([](Recipe& r) { r.normalising.unbiased = true; })},
  };
}

std::vector<Fault> eps_faults() {
  return {
      {"eps_twice_in_inference", 13, "chainer PR 4505 (kind)", "Inference has sqrt(V + eps + eps).",
       with_inference_eps(EpsUse::twice)},
      {"eps_twice_in_training", 13, "chainer PR 4505 (kind)", "Training has sqrt(V + eps + eps).",
       with_training_eps(EpsUse::twice)},
      {"eps_outside_root", 13, textbook, "Training has sqrt(V) + eps.", with_training_eps(EpsUse::outside)},
      {"eps_outside_root_in_inference", 13, textbook, "Inference has sqrt(V) + eps.",
       with_inference_eps(EpsUse::outside)},
      {"eps_missing_in_inference", 13, textbook, "Inference has sqrt(V).",
       with_inference_eps(EpsUse::absent)},
      {"eps_fixed", 13, textbook, "Training uses 1e-5, whatever eps is configured.",
       with_training_eps(EpsUse::fixed)},
      {"eps_raised", 13, textbook, "Training raises eps to 1e-5 where less is configured.",
       with_training_eps(EpsUse::raised)},
  };
}

std::vector<Fault> form_faults() {
  return {
      {"inference_folded", 4, "pytorch fold",
       "Inference is x alpha + (beta - mean alpha), which cancels at a large mean.",
       made([](Recipe& r) { r.normalising.inference_form = Form::folded; })},
      {"bias_before_weight", 19, textbook, "y = gamma (x^ + beta).", with_forms(Form::bias_first)},
      {"weight_and_bias_swapped", 19, textbook, "y = beta x^ + gamma.", with_forms(Form::swapped)},
      {"weight_ignored_without_bias", 19, "hls4ml PR 754 (kind)", "Without a bias, y lacks gamma too.",
       made([](Recipe& r) { r.normalising.lone = LoneParameter::weight_ignored; })},
      {"bias_ignored_without_weight", 19, "hls4ml PR 754 (kind)", "Without a weight, y lacks beta too.",
       made([](Recipe& r) { r.normalising.lone = LoneParameter::bias_ignored; })},
      {"inference_uses_batch", 19, textbook, "Inference normalises with the batch's statistics.",
       with_source(Source::batch_in_inference)},
      {"training_uses_running", 19, textbook, "Training normalises with the running statistics.",
       with_source(Source::running_in_training)},
      {"untracked_inference_uses_constants", 19, textbook,
       "Without running statistics, inference takes mean 0 and variance 1.",
       with_source(Source::constants_untracked)},
      {"saves_deviation", 19, textbook, "The saved invstd is sqrt(V + eps), not 1/sqrt(V + eps).",
       made([](Recipe& r) { r.normalising.saved = SavedStatistic::deviation; })},
  };
}

}  // namespace

std::vector<Fault> value_faults() {
  std::vector<Fault> all = moment_faults();
  for (auto family : {eps_faults, form_faults}) {
    for (Fault& fault : family()) all.push_back(std::move(fault));
  }
  return all;
}

}  // namespace bncheck::variants
