#pragma once
/// What laws need of a subject: a table of conditions on its capabilities and its dialect.

#include <string>
#include <string_view>
#include <vector>

#include "core/subject.hpp"

namespace bncheck {

enum class Need {
  // Capabilities.
  float32,              ///< a law that reads float32 values itself
  backward,             ///< a backward pass
  batch_norm_1d,        ///< nn.BatchNorm1d
  layouts,              ///< more than one layout of tensors
  in_place,             ///< y may be x
  gradient_in_place,    ///< dx may be dy
  caller_output,        ///< outputs in the caller's memory
  untracked,            ///< layers without running statistics
  remembers_forward,    ///< a backward call that stands by itself
  threads,              ///< a number of threads
  environment,          ///< a number of threads, or the caller's rounding mode and flags
  deterministic,        ///< the same bits each time
  canonical_bits,       ///< one NaN, and the sign of zeros
  non_finite_rule,      ///< a rule for infinities and NaN
  squares_leave_range,  ///< a dtype whose squares leave the range of the arithmetic
  // Mathematics of the dialect.
  running_statistics,      ///< an averaging, whichever
  plain_average,           ///< r <- w r + v s with the new statistic itself: none of sums and their weights
  cumulative_average,      ///< a layer without momentum
  variance_output,         ///< the batch's variance, running or saved
  population_normalising,  ///< sigma^2 over n in the denominator
  one_value_refused,       ///< one value per channel is an error in training
  empty_batch_untouched,   ///< an empty batch leaves the state alone
  eps_inside,              ///< sqrt(sigma^2 + eps)
  eps_present,             ///< an eps in the denominator
  no_eps_floor,            ///< the eps of the configuration, whatever it is
  spatial_axes,            ///< statistics per channel
  own_gradient             ///< a backward pass that is the gradient of the forward pass
};

struct NeedRow {
  Need need;
  std::string_view name;
  bool (*met)(const Capabilities&);
  std::string_view lack;  ///< the reason why a law says nothing where it is not met
};
/// A row for every need, in the order of the enumeration.
const std::vector<NeedRow>& need_table();
const NeedRow& row_of(Need need);

/// The subject with those of its dtypes whose numbers have squares beyond the range of its arithmetic:
/// float16 has none, in float32.
Capabilities leaving_range(Capabilities can);

}  // namespace bncheck
