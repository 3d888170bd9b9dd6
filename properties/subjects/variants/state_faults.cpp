#include "subjects/variants/fault_families.hpp"

namespace bncheck::variants {
namespace {

template <class Choice>
Recipe with(Choice Running::* part, Choice choice) {
  return made([=](Recipe& r) { r.running.*part = choice; });
}

std::vector<Fault> variance_faults() {
  const auto variance = [](RunningVariance choice) { return with(&Running::variance, choice); };
  return {
      {"running_var_biased", 1, "tensorflow 55545", "running_var moves towards the population variance.",
       variance(RunningVariance::population)},
      {"running_var_biased_for_two", 1, "mlx 3817 (kind)",
       "running_var moves towards the population variance where n = 2.",
       variance(RunningVariance::population_of_two)},
      {"running_var_counts_samples", 1, "tt-metal 55438 (kind)",
       "running_var has N/(N-1) for N samples, whatever the values per sample.",
       variance(RunningVariance::samples_unbiased)},
      {"running_var_with_eps", 13, textbook, "running_var moves towards the variance plus eps.",
       variance(RunningVariance::with_eps)},
      {"running_var_never_updated", 15, "keras-core 338", "running_var keeps its values in training.",
       variance(RunningVariance::kept)},
      {"running_mean_never_updated", 15, "keras-core 338 (kind)",
       "running_mean keeps its values in training.", with(&Running::mean, RunningMean::kept)},
  };
}

std::vector<Fault> momentum_faults() {
  return {
      {"momentum_inverted", 2, "d2l PR 2213", "momentum is the weight of the old value.",
       with(&Running::weighting, Weighting::of_old)},
      {"momentum_in_float", 2, textbook, "1 - momentum is taken in float.",
       with(&Running::weighting, Weighting::single)},
      {"momentum_zero_ignored", 2, textbook, "A momentum of 0 counts as none and becomes 0.1.",
       with(&Running::weighting, Weighting::zero_is_default)},
      {"cumulative_by_next", 2, textbook, "The cumulative average has weight 1/(k+1) at the k-th batch.",
       with(&Running::average, Average::one_by_next)},
      {"cumulative_by_previous", 2, textbook,
       "The cumulative average has weight 1/(k-1) at the k-th batch, k > 1.",
       with(&Running::average, Average::one_by_previous)},
      {"cumulative_ignored", 2, textbook, "Without momentum 0.1 is taken.",
       with(&Running::average, Average::default_momentum)},
  };
}

std::vector<Fault> mode_faults() {
  return {
      {"inference_updates", 10, "pytorch 20967", "Inference moves the running statistics.",
       with(&Running::updating, Updating::always)},
      {"inference_counts", 10, "pytorch 37823", "Inference advances num_batches_tracked.",
       with(&Running::counting, Counting::always)},
      {"counter_stands_still", 15, textbook, "num_batches_tracked never advances.",
       with(&Running::counting, Counting::never)},
      {"empty_batch_counts", 6, "pytorch 29578 (kind)", "An empty batch advances num_batches_tracked.",
       with(&Running::counting, Counting::with_empty)},
      {"empty_batch_decays", 6, "pytorch 29578", "An empty batch moves the running statistics towards 0.",
       with(&Running::empty, EmptyBatch::decays)},
      {"empty_batch_divides_by_zero", 6, "pytorch 12013", "An empty batch makes the running statistics NaN.",
       with(&Running::empty, EmptyBatch::divides_by_zero)},
      {"empty_batch_loses_shape", 6, "pytorch 12013 (kind)", "y of an empty batch has shape [0].",
       with(&Running::empty, EmptyBatch::flattens)},
  };
}

}  // namespace

std::vector<Fault> state_faults() {
  std::vector<Fault> all = variance_faults();
  for (auto family : {momentum_faults, mode_faults}) {
    for (Fault& fault : family()) all.push_back(std::move(fault));
  }
  return all;
}

}  // namespace bncheck::variants
