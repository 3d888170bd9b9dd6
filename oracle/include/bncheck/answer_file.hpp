#pragma once
/// The exact answer to a case, as a safetensors file beside it. A public interface, like the case file.
///
/// `__metadata__`: format "bncheck-answer", version "1", dialect, calls (their number), and per call K
///   call.K                      "values", or "error" followed by every kind of error that is right
///   call.K.num_batches_tracked  the counter afterwards
/// Tensors (each element is the nearest number to the exact one in the dtype of the output: that of x for y
/// and dx, that of the weight or else of the running statistics for saved_*, dweight and dbias): call.K.y,
/// call.K.saved_mean, call.K.saved_var, call.K.saved_invstd, call.K.running_mean, call.K.running_var,
/// call.K.running_weight; of a backward call, what it was asked for: call.K.dx, call.K.dweight, call.K.dbias.
/// Call K + 1 is answered from the rounded state that the answer to call K left.

#include "bncheck/case.hpp"
#include "bncheck/dialect.hpp"
#include "bncheck/safetensors.hpp"

namespace bncheck {

/// Throws NoAnswer for an x or dy without the bytes that its shape calls for.
Archive answer_archive(const Case& c, const Dialect& dialect);

/// The state after a call that was answered exactly and rounded.
State rounded_state(const struct ExpectedCall& expected);

}  // namespace bncheck
