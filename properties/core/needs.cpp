#include "core/needs.hpp"

namespace bncheck {

Capabilities leaving_range(Capabilities can) {
  std::erase_if(can.dtypes, [&](const DtypePair& pair) {
    const bool wide = resolved(can.numerics, pair.data).arithmetic == Arithmetic::f64;
    const FloatFormat arithmetic = wide ? format_f64 : format_f32;
    return 2 * format_of(pair.data).min_exponent > arithmetic.min_exponent;
  });
  return can;
}

const std::vector<NeedRow>& need_table() {
  using Can = Capabilities;
  static const std::vector<NeedRow> table{
      {Need::float32, "float32", [](const Can& can) { return takes_float32(can.dtypes); },
       "the law reads float32 tensors only"},
      {Need::backward, "backward", [](const Can& can) { return can.backward; },
       "the subject has no backward pass"},
      {Need::batch_norm_1d, "batch_norm_1d", [](const Can& can) { return can.dimensions.contains(1); },
       "the subject has no BatchNorm1d"},
      {Need::layouts, "layouts", [](const Can& can) { return can.strided || can.channels_last; },
       "the subject takes one layout only"},
      {Need::in_place, "in_place", [](const Can& can) { return can.in_place; },
       "the subject does not work in place"},
      {Need::gradient_in_place, "gradient_in_place",
       [](const Can& can) { return can.in_place && can.caller_output; },
       "the subject does not write dx over dy"},
      {Need::caller_output, "caller_output", [](const Can& can) { return can.caller_output; },
       "the subject returns memory of its own"},
      {Need::untracked, "untracked", [](const Can& can) { return can.untracked; },
       "the subject always has running statistics"},
      {Need::remembers_forward, "remembers_forward", [](const Can& can) { return can.remembers_forward; },
       "the subject's backward pass is asked for together with its forward pass"},
      {Need::threads, "threads", [](const Can& can) { return can.threads; },
       "the subject takes no number of threads"},
      {Need::environment, "environment", [](const Can& can) { return can.threads || can.any_environment; },
       "the subject takes neither a number of threads nor a floating-point environment"},
      {Need::deterministic, "deterministic", [](const Can& can) { return can.numerics.deterministic; },
       "the subject does not claim to be deterministic"},
      {Need::canonical_bits, "canonical_bits", [](const Can& can) { return can.canonical_bits; },
       "the subject does not say which zero and which NaN it returns"},
      {Need::non_finite_rule, "non_finite_rule", [](const Can& can) { return can.non_finite_rule; },
       "the subject declares no rule for values that are not finite"},
      {Need::squares_leave_range, "squares_leave_range",
       [](const Can& can) { return !leaving_range(can).dtypes.empty(); },
       "squares of the subject's numbers stay in the range of its arithmetic"},
      {Need::running_statistics, "running_statistics",
       [](const Can& can) { return can.dialect.averaging != Averaging::none; },
       "the dialect keeps no running statistics"},
      {Need::plain_average, "plain_average",
       [](const Can& can) { return can.dialect.averaging != Averaging::ratio; },
       "the dialect averages by ratio"},
      {Need::cumulative_average, "cumulative_average",
       [](const Can& can) { return can.dialect.cumulative != Cumulative::unsupported; },
       "the dialect has no cumulative average"},
      {Need::variance_output, "variance_output",
       [](const Can& can) {
         return can.dialect.averaging != Averaging::none || can.dialect.saved == Saved::mean_var;
       },
       "the subject returns no variance"},
      {Need::population_normalising, "population_normalising",
       [](const Can& can) { return can.dialect.normalising_variance == Correction::population; },
       "the dialect normalises with the variance over n - 1"},
      {Need::one_value_refused, "one_value_refused",
       [](const Can& can) { return can.dialect.single_value == SingleValue::error; },
       "the dialect takes one value per channel"},
      {Need::empty_batch_untouched, "empty_batch_untouched",
       [](const Can& can) { return can.dialect.empty_batch == EmptyBatch::untouched; },
       "the dialect does not leave the state alone for an empty batch"},
      {Need::eps_inside, "eps_inside",
       [](const Can& can) { return can.dialect.eps_place == EpsPlace::inside; },
       "the dialect does not divide by sqrt(sigma^2 + eps)"},
      {Need::eps_present, "eps_present",
       [](const Can& can) { return can.dialect.eps_place != EpsPlace::absent; },
       "the dialect divides by sigma without eps"},
      {Need::no_eps_floor, "no_eps_floor", [](const Can& can) { return can.dialect.eps_floor == 0; },
       "the dialect raises a small eps"},
      {Need::spatial_axes, "spatial_axes", [](const Can& can) { return can.dialect.axes == Axes::spatial; },
       "the dialect has statistics per channel and position"},
      {Need::own_gradient, "own_gradient", [](const Can& can) { return !can.dialect.backward_eps; },
       "the dialect's backward pass is not the gradient of its forward pass"},
  };
  return table;
}

const NeedRow& row_of(Need need) {
  return need_table()[static_cast<std::size_t>(need)];
}

}  // namespace bncheck
