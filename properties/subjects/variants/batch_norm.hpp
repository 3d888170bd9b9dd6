#pragma once
/// The BatchNorm that all variants are: one forward and one backward pass over the caller's memory, made as a
/// recipe says.

#include <string>

#include "bncheck/case.hpp"
#include "bncheck/error_kind.hpp"
#include "subjects/variants/memory.hpp"
#include "subjects/variants/sums.hpp"

namespace bncheck::variants {

/// Thrown where a call is refused.
struct Rejected {
  ErrorKind kind;
  std::string message;
};

/// Vectors of num_features elements; what the options deny does not exist.
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

  bool uses_batch() const { return bncheck::uses_batch(config, training); }
};

/// The gradient of a forward call: outputs that nobody wants do not exist.
struct BackwardCall {
  const Config& config;
  bool training;  ///< of the forward call
  View x, dy, dx, dweight, dbias;
  Parameters parameters;
  Execution exec;

  bool uses_batch() const { return bncheck::uses_batch(config, training); }
};

/// Throws Rejected.
void forward(const Recipe& recipe, const ForwardCall& call);
void backward(const Recipe& recipe, const BackwardCall& call);

/// One channel of a tensor, read at once.
Reals read_channel(const View& view, const std::vector<std::int64_t>& offsets, std::int64_t channel);

/// sqrt(variance + eps), or what a recipe makes of it.
Real deviation(Real variance, double eps, EpsUse use);

}  // namespace bncheck::variants
