#pragma once
/// Outputs that a call owes: which, of what dtype and of what shape.

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

/// dtype of parameters and statistics: that of those in the state, or else of the data.
Dtype dtype_of_vectors(const State& state, Dtype data);

/// Owed by a call that succeeds from the state `before`: what it returns and what it newly puts into the
/// state. `latest`: the forward call that a Backward is the gradient of.
std::vector<OwedOutput> owed(const Config& config, const State& before, const Call& call,
                             const Dialect& dialect, const Forward* latest);

}  // namespace bncheck
