#pragma once
/// Whole cases that a subject can take.

#include <functional>
#include <optional>

#include "bncheck/case.hpp"
#include "core/draws.hpp"
#include "core/subject.hpp"
#include "generate/shapes.hpp"
#include "generate/values.hpp"

namespace bncheck {

/// What a law needs of its case; everything that is left open is drawn.
struct CaseWish {
  std::optional<bool> training;  ///< of the (first) forward call
  bool special_values = false;   ///< x, parameters and statistics may be infinite or NaN
  bool any_exec = true;          ///< placements, in place, threads, environment
  std::optional<Regime> regime;  ///< of every channel of x
  std::optional<bool> track_running_stats;
  std::optional<bool> affine;
  std::optional<DtypePair> dtypes;  ///< absent: draw_case draws one of the subject's, its parts take float32
  int calls = 1;                    ///< forward calls; 0: one to three
  ShapeWish shape;
};

Case draw_case(Draws& draws, const Capabilities& can, const CaseWish& wish = {});

/// A training call on one channel of up to 2^17 values, in several samples. Half of them are ordinary, half
/// are two values in random order, each of which is rounded the same way throughout a binade of a running
/// sum.
Case draw_long_case(Draws& draws, const Capabilities& can);

// The parts, for laws that build their own.
/// One of the subject's pairs of dtypes.
DtypePair draw_dtypes(Draws& draws, const Capabilities& can);
int draw_dimensions(Draws& draws, const Capabilities& can);
Config draw_config(Draws& draws, const Capabilities& can, const CaseWish& wish, std::int64_t channels);
/// `x`: shape of an input of the layer, which says how many statistics there are.
State draw_state(Draws& draws, const Config& config, const Dialect& dialect, const CaseWish& wish,
                 const Shape& x);
Tensor draw_input(Draws& draws, const Shape& shape, const CaseWish& wish);
Exec draw_exec(Draws& draws, const Capabilities& can, std::size_t rank);

/// The forward call of a case that has exactly one call, a Forward; null otherwise.
const Forward* only_forward(const Case& c);

}  // namespace bncheck
