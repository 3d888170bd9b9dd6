#pragma once
/// The BatchNorm of all variants: one forward and one backward pass over the caller's memory, as a recipe
/// specifies.

#include <string>

#include "bncheck/case.hpp"
#include "bncheck/error_kind.hpp"
#include "subjects/variants/memory.hpp"
#include "subjects/variants/sums.hpp"

namespace bncheck::variants {

/// Exception for a rejected call.
struct Rejected {
  ErrorKind kind;
  std::string message;
};

/// Vectors of num_features elements. A vector that the options exclude does not exist.
struct Parameters {
  View weight, bias, running_mean, running_var;
};

struct ForwardCall {
  const Config& config;
  bool training;
  View x, y;
  Parameters parameters;
  std::int64_t& batches;  ///< num_batches_tracked
  View saved_mean, saved_invstd;
  Execution exec;
  std::vector<std::optional<Real>>* scales =
      nullptr;  ///< γ/√(V + ε) by channel, kept from an earlier inference call

  bool uses_batch() const { return bncheck::uses_batch(config, training); }
};

/// Gradient of a forward call. Outputs that are not wanted do not exist.
struct BackwardCall {
  const Config& config;
  bool training;  ///< mode of the forward call
  View x, dy, dx, dweight, dbias;
  Parameters parameters;
  Execution exec;

  bool uses_batch() const { return bncheck::uses_batch(config, training); }
};

/// Throws Rejected.
void forward(const Recipe& recipe, const ForwardCall& call);
void backward(const Recipe& recipe, const BackwardCall& call);

/// Values of one channel of a tensor.
Reals read_channel(const View& view, const std::vector<std::int64_t>& offsets, std::int64_t channel);

/// √(σ² + ε), or what a recipe computes instead, and its reciprocal.
struct Root {
  Real value, inverse;
};
Root root_of(Real variance, double eps, EpsUse use, Inversion inversion);

}  // namespace bncheck::variants
