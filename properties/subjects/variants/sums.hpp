#pragma once
/// Sums and moments of one channel.

#include <span>
#include <vector>

#include "subjects/variants/real.hpp"
#include "subjects/variants/recipe.hpp"

namespace bncheck::variants {

using Reals = std::vector<Real>;

/// Scratch memory of sums that is not cleared between calls.
struct Scratch {
  std::size_t terms = 0;
  Real last;
};

/// Execution of a call.
struct Execution {
  int threads = 1;
  bool odd_call = false;
  Scratch* scratch = nullptr;  ///< for recipes whose sums carry a term over
};

Real sum(const Reals& terms, const Summing& how, const Execution& exec);
/// Precondition: `terms` is not empty.
Real mean(const Reals& terms, const Summing& how, const Execution& exec);

struct Moments {
  Real mean, variance;  ///< population variance
};
Moments moments_of(const Reals& x, MomentMethod method, const Normalising& how, const Execution& exec);

}  // namespace bncheck::variants
