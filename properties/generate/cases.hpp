#pragma once
/// Generators of whole cases within the capabilities of a subject.

#include <functional>
#include <optional>

#include "bncheck/case.hpp"
#include "core/draws.hpp"
#include "core/subject.hpp"
#include "generate/shapes.hpp"
#include "generate/values.hpp"

namespace bncheck {

/// Requirements of a law on its case. Everything that is left open is drawn.
struct CaseWish {
  std::optional<bool> training;  ///< mode of the first forward call
  bool special_values = false;   ///< x, parameters and statistics may be infinite or NaN; variances also
                                 ///< negative
  bool any_exec = true;          ///< draws placement, in-place calls, threads and environment; false: the
                                 ///< defaults
  std::optional<Regime> regime;  ///< regime of every channel of x
  std::optional<bool> track_running_stats;
  std::optional<bool> affine;       ///< weight and bias, or neither
  std::optional<DtypePair> dtypes;  ///< absent: draw_case draws a pair of the subject, the single generators
                                    ///< use float32
  int calls = 1;                    ///< number of forward calls; 0: one to three
  ShapeWish shape;
};

Case draw_case(Draws& draws, const Capabilities& can, const CaseWish& wish = {});

/// Case of one training call on one channel, or as many as the subject's multiple, with up to 2^17 values in at least
/// three samples, fewer where the subject takes fewer elements. In half of the cases the values are ordinary. In the
/// other half they are two numbers in random order, each of which is rounded the same way throughout a binade of a
/// running sum.
Case draw_long_case(Draws& draws, const Capabilities& can);

// Generators of the parts, for laws that assemble their own cases.
/// The wish for the subject's axes and limit of elements. The limit is divided by `channel_multiple`, by which the
/// caller multiplies the number of channels.
ShapeWish within_reach(const Capabilities& can, ShapeWish wish);
/// One of the subject's pairs of dtypes.
DtypePair draw_dtypes(Draws& draws, const Capabilities& can);
int draw_dimensions(Draws& draws, const Capabilities& can);
Config draw_config(Draws& draws, const Capabilities& can, const CaseWish& wish, std::int64_t channels);
/// `x`: shape of an input of the layer, which determines the number of statistics.
State draw_state(Draws& draws, const Config& config, const Dialect& dialect, const CaseWish& wish,
                 const Shape& x);
Tensor draw_input(Draws& draws, const Shape& shape, const CaseWish& wish);
Exec draw_exec(Draws& draws, const Capabilities& can, std::size_t rank);

/// Forward call of a case that has no other call; null for other cases.
const Forward* only_forward(const Case& c);

}  // namespace bncheck
