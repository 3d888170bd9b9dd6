#pragma once
/// Which dtypes a subject takes together.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bncheck/case.hpp"

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

/// Of the first x or dy of a case, and of its weight or else its running statistics; where it lacks one of
/// the two, the other one's.
DtypePair dtypes_in(const Case& c);

/// The reason why a subject of these pairs takes no such case, as "dtypes f16+f32, the subject takes f32,
/// f64"; empty if it does. Parameters and statistics have one dtype, and so have x and dy; a case without
/// parameters and statistics is one of the pair that has x's dtype for both.
std::string refused_dtypes(const Case& c, const std::vector<DtypePair>& taken);

bool takes_float32(const std::vector<DtypePair>& taken);

}  // namespace bncheck
