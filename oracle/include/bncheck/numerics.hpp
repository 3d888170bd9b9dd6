#pragma once
/// Numerics: the accuracy that a subject claims. Its outputs are judged by this claim, neither more nor less
/// strictly.
///
/// The last rounding of an output is that of its dtype. The error before that rounding depends on the
/// arithmetic. Half-precision tensors are storage only: sound implementations compute in float32 between
/// loading and storing them, because no half-precision number holds their sums, statistics and products.
/// Arithmetic in half precision itself is deficient and cannot be declared: a mean accumulated in f16 does
/// not grow beyond 2048 when ones are added.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bncheck/knob_description.hpp"
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
/// Formula of y, and of the sums that it rests on.
enum class Form {
  centred,   ///< with x − μ
  folded,    ///< y = α·x + β′, with α = γ·h and β′ = β − μ·α computed beforehand
  one_pass,  ///< folded, with the variance E[x²] − μ² and the gradient's Σdy·x − μ·Σdy: right, and not sound
};
enum class Arithmetic {
  of_data,  ///< float64 for x of float64, float32 for every other dtype
  f32,      ///< u = 2^-24, numbers from 2^-149 to just below 2^128
  f64,      ///< u = 2^-53, numbers from 2^-1074 to just below 2^1024
};
/// Exponent range of intermediate results.
enum class Range {
  own,   ///< that of the arithmetic
  wide,  ///< that of the next wider format: float64 for float32, 15 bits of exponent for float64
};

struct Numerics {
  Claim claim = Claim::sound;
  Summation summation = Summation::blocked;
  Form form = Form::centred;
  Arithmetic arithmetic = Arithmetic::of_data;
  Range range = Range::own;
  /// true: the mean and the variance or invstd are first rounded to the dtype of the saved_* outputs that
  /// return them, and y and the running statistics are computed from the rounded values.
  bool rounds_statistics = false;
  bool flush_to_zero = false;
  bool deterministic = true;      ///< the same call gives the same bits
  bool thread_invariant = false;  ///< the same bits for any number of threads
  bool layout_invariant = false;  ///< the same bits for any placement of x and y

  /// Whether ε and the momentum are rounded exactly as the dialect says, not less. No subject declares it: diagnosis
  /// tells dialects apart by it.
  bool scalars_as_declared = false;

  bool operator==(const Numerics&) const = default;
};

/// The same numerics, with `of_data` replaced by the arithmetic that it means for an x of this dtype.
Numerics resolved(Numerics numerics, Dtype data);

std::string_view name_of(Claim claim);
std::string_view name_of(Summation summation);

/// Numerics from text: a claim and the knobs that differ from the defaults of the members, separated by
/// commas: "exact", "sound,summation=naive,range=wide,flush_to_zero=true,deterministic=false". Without a
/// claim it is sound. The knobs: summation, form (centred or folded), range, arithmetic, rounds_statistics,
/// flush_to_zero, deterministic, thread_invariant, layout_invariant. What the text does not name stays as in
/// `base`. Throws std::invalid_argument; its message of one line names what is unknown and what is known.
Numerics numerics_from_text(std::string_view text, Numerics base = {});
/// The knobs, in the order of the members.
std::vector<KnobDescription> numerics_descriptions();
/// Shortest such text; numerics_from_text of the result is equal.
std::string text_of(const Numerics& numerics);

}  // namespace bncheck
