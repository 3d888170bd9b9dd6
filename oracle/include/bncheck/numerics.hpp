#pragma once
/// How accurate a subject claims to be. The judge holds it to its claim, no more and no less.
///
/// The dtype of an output says to what its exact value is rounded last. What may be lost before that is a
/// matter of the arithmetic: half-precision tensors are storage, and sound implementations compute in float32
/// between loading and storing them, with sums, statistics and products that no half-precision number holds.
/// Arithmetic in half precision itself (a mean accumulated in f16, which stagnates at 2048 ones) is
/// deficient, and nothing declares it.

#include <cstdint>
#include <string>
#include <string_view>

#include "bncheck/tensor.hpp"

namespace bncheck {

enum class Claim {
  exact,     ///< every output is the nearest representable number
  faithful,  ///< less than one ulp from the exact result
  sound,     ///< within the attainable error of its arithmetic (attainable_error.hpp)
};
enum class Summation {
  naive,        ///< one running sum
  blocked,      ///< pairwise, or blocks of at most 16 sequential additions folded by a tree
  welford,      ///< a running mean and sum of squares (Welford), in chunks that are merged by a tree
  compensated,  ///< Kahan, Neumaier, double-float
  wide,         ///< accumulated in a wider format
};
enum class Arithmetic {
  of_data,  ///< float64 for x of float64, float32 for every other dtype
  f32,      ///< u = 2^-24, numbers from 2^-149 to 2^128
  f64,      ///< u = 2^-53, numbers from 2^-1074 to 2^1024
};
/// Where the exponents of intermediate results end.
enum class Range {
  own,   ///< where those of the arithmetic do
  wide,  ///< where those of the next wider format do: float64 for float32, 15 bits for float64
};

struct Numerics {
  Claim claim = Claim::sound;
  Summation summation = Summation::blocked;
  Arithmetic arithmetic = Arithmetic::of_data;
  Range range = Range::own;
  /// y and the running statistics are made of the mean and the variance or invstd that the call returns as
  /// saved_*, rounded to their dtype, and not of what was accumulated.
  bool rounds_statistics = false;
  bool flush_to_zero = false;
  bool deterministic = true;      ///< the same call gives the same bits
  bool thread_invariant = false;  ///< ... whatever the number of threads
  bool layout_invariant = false;  ///< ... and whatever the placement of x and y

  bool operator==(const Numerics&) const = default;
};

/// The same with the arithmetic that `of_data` stands for where x has this dtype.
Numerics resolved(Numerics numerics, Dtype data);

std::string_view name_of(Claim claim);
std::string_view name_of(Summation summation);

/// A claim and what differs from the members' defaults, separated by commas: "exact",
/// "sound,summation=naive,range=wide,flush_to_zero=true,deterministic=false"; differences alone are of a
/// sound claim. The knobs: summation, range, arithmetic, rounds_statistics, flush_to_zero, deterministic,
/// thread_invariant, layout_invariant. Throws std::invalid_argument whose one line names what is unknown, and
/// what is known.
Numerics numerics_from_text(std::string_view text);
/// The shortest such text: numerics_from_text gives the same back.
std::string text_of(const Numerics& numerics);

}  // namespace bncheck
