#pragma once
/// The kinds of error that a BatchNorm may answer with. Laws compare kinds, never the wording.

#include <optional>
#include <string_view>

namespace bncheck {

enum class ErrorKind {
  rank,      ///< x has a rank that the layer does not take
  channels,  ///< num_features < 1, or x.size(1) differs from it
  length,    ///< a parameter or statistics buffer has not num_features elements, or is missing or superfluous
  eps,       ///< eps outside {0} and [2^-126, 2^127], or 0 where batch statistics are used
  momentum,  ///< NaN or infinite
  one_value,   ///< one value per channel where batch statistics are used
  alias,       ///< buffers overlap in a way that is not allowed
  counter,     ///< num_batches_tracked < 0
  no_forward,  ///< backward without a forward in that mode
  unsupported,
  memory,
  other,
};

std::string_view name_of(ErrorKind kind);
std::optional<ErrorKind> error_kind_named(std::string_view name);

}  // namespace bncheck
