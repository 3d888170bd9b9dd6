#include "subjects/variants/fault_families.hpp"

namespace bncheck::variants {
namespace {

template <class Choice>
Recipe with(Choice Checking::* part, Choice choice) {
  return made([=](Recipe& r) { r.checking.*part = choice; });
}

std::vector<Fault> shape_faults() {
  return {
      {"one_value_becomes_nan", 5, "pytorch 1381", "One value per channel is taken: 0/0 in running_var.",
       with(&Checking::single_value, SingleValueCheck::becomes_nan)},
      {"one_value_counts_as_zero", 5, "tensorflow 34062",
       "One value per channel is taken, with a variance of 0.",
       with(&Checking::single_value, SingleValueCheck::counts_as_zero)},
      {"one_value_taken_untracked", 5, "pytorch 1381 (kind)",
       "One value per channel is taken in inference without running statistics.",
       with(&Checking::single_value, SingleValueCheck::in_training_only)},
      {"empty_skips_channel_check", 7, "pytorch 72821", "An empty x may have any number of channels.",
       with(&Checking::channels, ChannelCheck::not_if_empty)},
      {"fewer_channels_taken", 7, textbook, "x may have fewer channels than the layer.",
       with(&Checking::channels, ChannelCheck::too_many_only)},
      {"short_parameters_taken", 16, "pytorch 169208", "weight and bias of any length are read as if C long.",
       with(&Checking::lengths, LengthCheck::parameters_unchecked)},
      {"short_statistics_taken", 16, "pytorch 194798",
       "Running statistics of any length are read as if C long.",
       with(&Checking::lengths, LengthCheck::running_unchecked)},
      {"lengths_unchecked_when_loading", 16, "pytorch 194798 (kind)", "A state of any lengths can be loaded.",
       with(&Checking::lengths, LengthCheck::not_when_loading)},
      {"rank_underflows", 17, "pytorch 105458", "rank - 2 is unsigned, and ranks 0 and 1 pass the check.",
       with(&Checking::rank, RankCheck::underflows)},
      {"rank_two_or_more", 17, textbook, "Any rank from 2 on is taken.",
       with(&Checking::rank, RankCheck::two_or_more)},
      {"gradient_shape_by_count", 9, textbook, "Any dy with as many elements as x is taken.",
       with(&Checking::gradient_shape_by_count, true)},
  };
}

std::vector<Fault> other_checks() {
  return {
      {"zero_eps_taken", 13, textbook, "eps = 0 is taken where batch statistics are used.",
       with(&Checking::zero_eps_taken, true)},
      {"eps_range_unchecked", 13, textbook, "eps may be negative, NaN or infinite.",
       with(&Checking::eps_range_unchecked, true)},
      {"momentum_unchecked", 2, textbook, "momentum may be NaN or infinite.",
       with(&Checking::momentum_unchecked, true)},
      {"counter_unchecked", 2, textbook, "num_batches_tracked may be negative.",
       with(&Checking::counter_unchecked, true)},
      {"alias_by_start_only", 18, textbook,
       "y may overlap x in part: only tensors that start at one address are compared.",
       with(&Checking::alias, AliasCheck::same_start_only)},
      {"alias_unchecked", 18, textbook, "Outputs may overlap anything.",
       with(&Checking::alias, AliasCheck::never)},
      {"gradient_survives_load", 18, textbook, "A gradient is given after another state was loaded.",
       with(&Checking::forward, ForwardCheck::survives_load)},
      {"gradient_in_any_mode", 19, textbook, "A gradient is given in the other mode than the forward call's.",
       with(&Checking::forward, ForwardCheck::any_mode)},
  };
}

std::vector<Fault> late_checks() {
  return {
      {"counts_before_checking", 18, "pytorch (num_batches_tracked)",
       "num_batches_tracked advances before the call is refused.", with(&Checking::before, Before::counter)},
      {"updates_before_checking", 18, textbook, "The running statistics decay before the call is refused.",
       with(&Checking::before, Before::statistics)},
      {"writes_before_checking", 18, textbook, "y[0] is written before the call is refused.",
       with(&Checking::before, Before::output)},
  };
}

}  // namespace

std::vector<Fault> checking_faults() {
  std::vector<Fault> all = shape_faults();
  for (auto family : {other_checks, late_checks}) {
    for (Fault& fault : family()) all.push_back(std::move(fault));
  }
  return all;
}

}  // namespace bncheck::variants
