// The single rounding at the end: from the computed value to the float that is returned.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace bn {

/// The only NaN that bn returns.
inline constexpr std::uint32_t canonical_nan_bits = 0x7fc00000U;

/// Float nearest to `value`. A zero is +0, a value that rounds to zero keeps its sign, a NaN is canonical.
template <class Wide>
float rounded(Wide value) {
  if (std::isnan(value)) return std::bit_cast<float>(canonical_nan_bits);
  return static_cast<float>(value + Wide{0});  // −0 + 0 = +0
}

}  // namespace bn
