#pragma once
/// Outputs that a call must deliver: which ones, with their dtype and shape.

#include <vector>

#include "bncheck/case.hpp"
#include "bncheck/dialect.hpp"
#include "bncheck/expected.hpp"

namespace bncheck {

struct OwedOutput {
  Output output;
  Dtype dtype;
  Shape shape;
};

/// Dtype of parameters and statistics: that of the tensors in the state, or that of the data if the state has
/// none.
Dtype dtype_of_vectors(const State& state, Dtype data);

/// Outputs owed by a call that succeeds from the state `before`: those that it returns and those that it puts
/// into the state. `latest`: the forward call that a Backward is the gradient of.
std::vector<OwedOutput> owed(const Config& config, const State& before, const Call& call,
                             const Dialect& dialect, const Forward* latest);

}  // namespace bncheck
