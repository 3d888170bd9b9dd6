#pragma once
/// Dtypes that a subject takes together.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bncheck/case.hpp"

namespace bncheck {

/// Dtypes of one call: half-precision data often comes with parameters and statistics in float32.
struct DtypePair {
  Dtype data = Dtype::f32;     ///< x, y, dy, dx
  Dtype vectors = Dtype::f32;  ///< weight, bias, running_*, saved_*, dweight, dbias

  bool operator==(const DtypePair&) const = default;
};

/// Text of the pair: "f32", "f64", "f16" or "bf16" if both dtypes are the same, else data and vectors:
/// "f16+f32".
std::string to_string(const DtypePair& pair);
/// The pair of such a text; nullopt if the text is no pair.
std::optional<DtypePair> dtype_pair_named(std::string_view text);

/// Dtypes of a case: that of its first x or dy, and that of its weight or else its running statistics. If it
/// has only one of the two, that one counts for both.
DtypePair dtypes_in(const Case& c);

/// Reason why a subject with these pairs cannot take the case, such as "dtypes f16+f32, the subject takes
/// f32, f64"; empty if it can. Parameters and statistics must have one dtype, and so must x and dy. A case
/// without parameters and statistics counts with x's dtype for both.
std::string refused_dtypes(const Case& c, const std::vector<DtypePair>& taken);

bool takes_float32(const std::vector<DtypePair>& taken);

}  // namespace bncheck
