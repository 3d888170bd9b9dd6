/// Faults that show only for numbers or options of some size, or only after other calls.

#include "subjects/variants/fault_families.hpp"

namespace bncheck::variants {
namespace {

Recipe with(Lapse lapse) {
  return made([=](Recipe& r) { r.lapse = lapse; });
}
Recipe with(Carried carried) {
  return made([=](Recipe& r) { r.carried = carried; });
}

std::vector<Fault> range_faults() {
  return {
      {"invstd_lost_if_small", 11, textbook, "Training's invstd is 1 where max |x| is 2^-120 to 2^-66.",
       with(Lapse::invstd_lost_if_small)},
      {"invstd_lost_if_large", 11, textbook, "Training's invstd is 1 where max |x| is 2^30 to 2^50.",
       with(Lapse::invstd_lost_if_large)},
      {"small_variance_flushed", 11, textbook, "A variance of the batch below 2^-40 counts as 0.",
       with(Lapse::small_variance_flushed)},
      {"invstd_capped", 11, textbook, "Training's invstd is 2^30 at most.", with(Lapse::invstd_capped)},
      {"large_mean_lost", 11, textbook, "A mean of the batch beyond 2^70 counts as 0.",
       with(Lapse::large_mean_lost)},
      {"gamma_capped", 11, textbook, "|gamma| is 2^40 at most.", with(Lapse::gamma_capped)},
      {"subnormal_x_becomes_nan", 11, textbook, "In inference, y of a subnormal x is NaN.",
       with(Lapse::subnormal_x_becomes_nan)},
      {"given_variance_flushed", 11, textbook, "A running variance below 2^-60 counts as 0.",
       with(Lapse::given_variance_flushed)},
      {"given_variance_capped", 11, textbook, "A running variance counts as 2^60 at most.",
       with(Lapse::given_variance_capped)},
      {"given_mean_lost", 11, textbook, "A running mean beyond 2^60 counts as 0.",
       with(Lapse::given_mean_lost)},
      {"given_difference_capped", 11, textbook, "In inference, |x - mean| is 2^90 at most.",
       with(Lapse::given_difference_capped)},
      {"small_dy_flushed", 11, textbook, "|dy| below 2^-60 counts as 0.", with(Lapse::small_dy_flushed)},
      {"large_dy_capped", 11, textbook, "|dy| is 2^60 at most.", with(Lapse::large_dy_capped)},
      {"projection_lost_if_large", 11, textbook, "dx lacks x^ mean(dy x^) where invstd < 2^-40.",
       with(Lapse::projection_lost_if_large)},
      {"dweight_lost_if_small", 11, textbook, "Inference's dweight is 0 where invstd > 2^42.",
       with(Lapse::dweight_lost_if_small)},
      {"gamma_dy_narrow", 11, textbook, "Inference's dx is (gamma dy) invstd, whose product overflows.",
       with(Lapse::gamma_dy_narrow)},
  };
}

std::vector<Fault> option_faults() {
  return {
      {"eps_1e_4_is_default", 13, textbook, "An eps of 1e-4 counts as 1e-5.",
       with(Lapse::eps_1e_4_is_default)},
      {"eps_capped", 13, textbook, "eps is 1e-3 at most.", with(Lapse::eps_capped)},
      {"small_eps_raised_in_inference", 13, textbook, "Inference raises eps to 1e-6.",
       with(Lapse::small_eps_raised)},
      {"gradient_eps_1e_3_is_default", 13, textbook, "The backward pass takes an eps of 1e-3 for 1e-5.",
       with(Lapse::eps_1e_3_is_default_in_gradient)},
      {"small_momentum_lost", 2, textbook, "A momentum below 0.002 counts as 0.",
       with(Lapse::small_momentum_lost)},
      {"momentum_in_128ths", 2, textbook, "momentum is rounded to 1/128.", with(Lapse::momentum_in_128ths)},
      {"momentum_clamped", 2, textbook, "momentum is clamped to [0, 1].", with(Lapse::momentum_clamped)},
      {"momentum_unsigned", 2, textbook, "The sign of momentum is lost.", with(Lapse::momentum_unsigned)},
      {"counter_of_16_bits", 15, textbook, "num_batches_tracked has 16 bits.",
       with(Lapse::counter_of_16_bits)},
      {"counter_of_32_bits", 15, textbook, "num_batches_tracked has 32 bits.",
       with(Lapse::counter_of_32_bits)},
      {"counter_in_float", 15, textbook, "num_batches_tracked is a float and stagnates at 2^24.",
       with(Lapse::counter_in_float)},
      {"counter_saturates", 15, textbook, "num_batches_tracked does not advance from 1000 on.",
       with(Lapse::counter_saturates)},
      {"cumulative_weight_kept", 2, textbook, "The cumulative average's weight is 1/256 at least.",
       with(Lapse::cumulative_weight_kept)},
      {"cumulative_in_bytes", 2, textbook, "The cumulative average counts batches in a byte.",
       with(Lapse::cumulative_in_bytes)},
  };
}

std::vector<Fault> history_faults() {
  return {
      {"layout_of_shape_kept", 8, textbook,
       "Strides of the first x of a shape are taken for every later x of that shape.",
       with(Carried::layout_of_shape)},
      {"gradient_accumulates", 14, textbook, "dweight and dbias are added to those of the call before.",
       with(Carried::gradient_of_shape)},
      {"sum_keeps_a_term", 18, textbook,
       "A sum that is shorter than the one before still has that one's last term.",
       with(Carried::sum_of_longer_batch)},
      {"inference_scale_kept", 19, textbook, "gamma invstd of the first inference call of a layer is kept.",
       with(Carried::scale_of_first_inference)},
      {"inference_scale_kept_until_training", 19, textbook,
       "gamma invstd of inference is kept until a training call, also when a state is loaded.",
       with(Carried::scale_until_training)},
      {"gradient_of_forward_before", 14, textbook,
       "Of two forward calls of one shape, the backward pass takes the first.",
       with(Carried::first_of_two_forwards)},
      {"momentum_set_without_effect", 2, textbook, "A momentum that is set later has no effect.",
       with(Carried::first_momentum)},
  };
}

}  // namespace

std::vector<Fault> corner_faults() {
  std::vector<Fault> all = range_faults();
  for (auto family : {option_faults, history_faults}) {
    for (Fault& fault : family()) all.push_back(std::move(fault));
  }
  return all;
}

}  // namespace bncheck::variants
