#pragma once
/// How accurate a subject claims to be. The judge holds it to its claim, no more and no less.

#include <cstdint>
#include <string>
#include <string_view>

namespace bncheck {

enum class Claim {
  exact,     ///< every output is the nearest representable number
  faithful,  ///< less than one ulp from the exact result
  sound,     ///< within the attainable error of float32 arithmetic (attainable_error.hpp)
};
enum class Summation {
  naive,        ///< one running sum
  blocked,      ///< pairwise, or blocks of at most 16 sequential additions folded by a tree
  welford,      ///< a running mean and sum of squares (Welford), in chunks that are merged by a tree
  compensated,  ///< Kahan, Neumaier, double-float
  wide,         ///< accumulated in a wider format
};
enum class Range {
  f32,  ///< intermediate results live in float's exponent range
  f64,
};

struct Numerics {
  Claim claim = Claim::sound;
  Summation summation = Summation::blocked;
  Range range = Range::f32;
  bool flush_to_zero = false;
  bool deterministic = true;      ///< the same call gives the same bits
  bool thread_invariant = false;  ///< ... whatever the number of threads
  bool layout_invariant = false;  ///< ... and whatever the placement of x and y

  bool operator==(const Numerics&) const = default;
};

std::string_view name_of(Claim claim);
std::string_view name_of(Summation summation);

/// A claim and what differs from the members' defaults, separated by commas: "exact",
/// "sound,summation=naive,range=f64,flush_to_zero=true,deterministic=false"; differences alone are of a sound
/// claim. The knobs: summation, range, flush_to_zero, deterministic, thread_invariant, layout_invariant.
/// Throws std::invalid_argument whose one line names what is unknown, and what is known.
Numerics numerics_from_text(std::string_view text);
/// The shortest such text: numerics_from_text gives the same back.
std::string text_of(const Numerics& numerics);

}  // namespace bncheck
