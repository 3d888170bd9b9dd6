// The rejections of impl/CONTRACT.md: every error of a call is found here, before the first write.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "bn/functional.hpp"

namespace bn {

/// Checks num_features ≥ 1, ε 0 or in [2^-126, 2^127], momentum finite.
void check_options(std::int64_t num_features, double eps, std::optional<double> momentum);
void check_momentum(std::optional<double> momentum);

/// All checks of forward_training. Returns n, 0 for an empty input.
std::int64_t check_training(const Options& options, const Affine& affine, TensorView<const float> x,
                            TensorView<const float> y, const RunningStatistics* running,
                            const BatchStatistics& saved);

/// All checks of forward_inference. Returns n, 0 for an empty input.
std::int64_t check_inference(const Options& options, const Affine& affine, TensorView<const float> x,
                             TensorView<const float> y, std::span<const float> running_mean,
                             std::span<const float> running_var);

/// All checks of backward_training. Returns n, 0 for an empty input.
std::int64_t check_backward_training(const Options& options, const Affine& affine, TensorView<const float> x,
                                     TensorView<const float> dy, const Gradients& gradients);

/// All checks of backward_inference. Returns n, 0 for an empty input.
std::int64_t check_backward_inference(const Options& options, const Affine& affine, TensorView<const float> x,
                                      TensorView<const float> dy, const Gradients& gradients,
                                      std::span<const float> running_mean,
                                      std::span<const float> running_var);

/// Checks the length `count` of a vector for `channels` channels; `name` is for the message.
void check_length(const char* name, std::size_t count, std::int64_t channels);

}  // namespace bn
