#pragma once
/// Kinds of error that a BatchNorm may answer with. Laws compare kinds, never the wording.

#include <optional>
#include <string_view>

namespace bncheck {

enum class ErrorKind {
  rank,      ///< x has a rank that the layer does not take
  channels,  ///< num_features < 1, or x.size(1) differs from it
  /// A parameter or statistic is missing, superfluous, or has not one element per statistic: C, or C times
  /// the positions where the dialect's axes are per_activation. Or dy has not the shape of x.
  length,
  eps,         ///< ε outside {0} and [2^-126, 2^127], or 0 where batch statistics are used
  momentum,    ///< NaN or infinite, also after rounding to the dialect's scalars
  one_value,   ///< one value per channel where batch statistics are used
  alias,       ///< buffers overlap in a way that is not allowed
  counter,     ///< num_batches_tracked is negative, or is 2^63−1 before a training call that tracks
  no_forward,  ///< backward without a successful forward in that mode
  unsupported,
  memory,
  other,
};

std::string_view name_of(ErrorKind kind);
std::optional<ErrorKind> error_kind_named(std::string_view name);

}  // namespace bncheck
