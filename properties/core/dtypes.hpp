#pragma once
/// Which dtypes a subject takes together.

#include <optional>
#include <string>
#include <string_view>

#include "bncheck/tensor.hpp"

namespace bncheck {

/// The dtypes of one call: half-precision data often comes with parameters and statistics in float32.
struct DtypePair {
  Dtype data = Dtype::f32;     ///< x, y, dy, dx
  Dtype vectors = Dtype::f32;  ///< weight, bias, running_*, saved_*, dweight, dbias

  bool operator==(const DtypePair&) const = default;
};

/// "f32", "f64", "f16", "bf16" where both are the same, else data and vectors: "f16+f32".
std::string to_string(const DtypePair& pair);
/// The pair of such a text; nullopt if it is none.
std::optional<DtypePair> dtype_pair_named(std::string_view text);

}  // namespace bncheck
