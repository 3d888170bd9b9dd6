#pragma once
/// A plain BatchNorm in double arithmetic with every knob of a Dialect, to test `bncheck diagnose` with a
/// known dialect. It uses only the names of the knobs from the oracle; everything is computed here.

#include <cstdint>
#include <optional>
#include <span>

#include "bncheck/dialect.hpp"
#include "bncheck/error_kind.hpp"

namespace bncheck::test {

/// One call. x is dense: batch, channels, positions. A statistic belongs to a channel, or to a channel and a
/// position; the vectors have one element per statistic. An empty span means that the layer has no such
/// vector.
struct PlainCall {
  Dialect dialect;
  std::int64_t batch = 0, channels = 1, positions = 1;
  double eps = 0;
  /// Number that the interface of the dialect takes: the weight of the new statistic if the averaging is
  /// new_weight, else that of the old one. Absent: the average over all batches.
  std::optional<double> momentum{};
  std::int64_t num_batches_tracked = 0;  ///< before the call
  std::span<const float> x, weight, bias;

  std::int64_t statistics() const { return dialect.axes == Axes::spatial ? channels : channels * positions; }
};

/// Running statistics, which training writes unless the averaging is none.
struct PlainRunning {
  std::span<float> mean, var;
  std::span<float> weight;  ///< one element, for averaging by ratio
};
struct PlainSaved {
  std::span<float> mean, second;  ///< second: the variance or its reciprocal root
};
struct PlainGradients {
  std::span<float> dx, dweight, dbias;
};

/// Each function returns nullopt if the call succeeded, else the kind of error, with nothing written.
std::optional<ErrorKind> train(const PlainCall& call, std::span<float> y, const PlainRunning& running,
                               const PlainSaved& saved);
std::optional<ErrorKind> infer(const PlainCall& call, std::span<float> y, const PlainRunning& running);
std::optional<ErrorKind> train_backward(const PlainCall& call, std::span<const float> dy,
                                        const PlainGradients& gradients);
std::optional<ErrorKind> infer_backward(const PlainCall& call, std::span<const float> dy,
                                        const PlainRunning& running, const PlainGradients& gradients);

}  // namespace bncheck::test
