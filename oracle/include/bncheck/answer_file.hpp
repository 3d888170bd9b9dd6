#pragma once
/// The exact answer to a case, as a safetensors file beside the case file. A public interface, like the case
/// file.
///
/// `__metadata__`: format "bncheck-answer", version "1", dialect, calls (their number), and per call K
///   call.K                      "values", or "error" followed by every kind of error that is right
///   call.K.num_batches_tracked  the counter after the call
/// Tensors: call.K.y, call.K.saved_mean, call.K.saved_var, call.K.saved_invstd, call.K.running_mean,
/// call.K.running_var, call.K.running_weight; for a backward call those of call.K.dx, call.K.dweight and
/// call.K.dbias that it asks for. Each element is the number nearest to the exact one in the dtype of its
/// output. y and dx have the dtype of x. saved_*, dweight and dbias have the dtype of the parameters and running
/// statistics, or that of x where there are none. Call K + 1 is answered from the rounded state that the answer
/// to call K left.

#include "bncheck/case.hpp"
#include "bncheck/dialect.hpp"
#include "bncheck/safetensors.hpp"

namespace bncheck {

/// Throws NoAnswer if x or dy does not have the number of bytes that its shape and dtype require.
Archive answer_archive(const Case& c, const Dialect& dialect);

/// State after a call, with the exact answer rounded to the dtypes of the state's tensors.
State rounded_state(const struct ExpectedCall& expected);

}  // namespace bncheck
