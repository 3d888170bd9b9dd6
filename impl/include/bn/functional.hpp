// BatchNorm as functions: every value that a call reads or changes is an argument.
//
// n = values per channel (batch size times spatial size), C = channels = options.num_features, ε =
// options.eps. Every rejection is a bn::Error, thrown before the first write: a call that fails changes
// nothing. Results depend only on the values: not on layout, threads, instruction set, the caller's rounding
// mode or its flush-to-zero flags.
//
// Overlap of memory is decided from the addresses that are used, so the interleaved halves of one buffer do
// not overlap. If the strides are so irregular that the decision takes more than about 10^5 steps, the call
// is rejected as overlapping. Views that come from slicing, permuting and reversing a dense buffer never are.
//
// Calls may run at the same time in several threads if they write to different memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "bn/error.hpp"
#include "bn/tensor_view.hpp"

namespace bn {

/// 1d takes (N, C) or (N, C, L), 2d takes (N, C, H, W), 3d takes (N, C, D, H, W).
enum class Dimensions { d1 = 1, d2 = 2, d3 = 3 };

struct Options {
  Dimensions dimensions = Dimensions::d2;
  std::int64_t num_features = 0;  ///< C, at least 1
  double eps = 1e-5;              ///< 0 or in [2^-126, 2^127]; above 0 where batch statistics are used
  std::optional<double> momentum =
      0.1;  ///< weight m of the new value; absent: cumulative, m = the double nearest 1/k
};

/// γ and β, C elements each; absent means 1 and 0.
struct Affine {
  std::optional<std::span<const float>> weight;
  std::optional<std::span<const float>> bias;
};

/// Running statistics, C elements each, updated in place by a training call. The counter is not null in a
/// valid call.
struct RunningStatistics {
  std::span<float> mean;
  std::span<float> var;
  std::int64_t* num_batches_tracked = nullptr;
};

/// Outputs of a training call for the batch's statistics, C elements each; an empty span is not written.
/// `var` is the population variance σ², `invstd` is 1/√(σ² + ε) from the unrounded variance.
struct BatchStatistics {
  std::span<float> mean{};
  std::span<float> var{};
  std::span<float> invstd{};
};

struct Execution {
  int threads = 0;  ///< 0 (or less): OpenMP's default
};

/// y = γ·(x−μ)/√(σ²+ε) + β with the batch's mean and population variance.
///
/// Updates `*running` if it is given: r ← (1−m)·r + m·s, with the unbiased variance, and counts the batch.
/// Writes the non-empty members of `saved`. y may be x (same data, sizes and strides); every other overlap of
/// written memory is an error. An empty x passes the same checks and changes nothing.
///
/// Throws Error: channels, eps, momentum, rank, length, counter, one_value (n = 1), alias.
void forward_training(const Options& options, const Affine& affine, TensorView<const float> x,
                      TensorView<float> y, RunningStatistics* running, const BatchStatistics& saved = {},
                      const Execution& execution = {});

/// y = γ·(x−running_mean)/√(running_var+ε) + β; changes nothing but y. y may be x as above.
///
/// A channel whose running_var + ε is not above 0 is NaN: that is data, not an error. Throws Error: channels,
/// eps, momentum, rank, length, alias.
void forward_inference(const Options& options, const Affine& affine, TensorView<const float> x,
                       TensorView<float> y, std::span<const float> running_mean,
                       std::span<const float> running_var, const Execution& execution = {});

/// Outputs of a backward call; one that is absent or an empty span is not computed.
struct Gradients {
  std::optional<TensorView<float>> dx{};  ///< shape of x; may be dy itself (same data, sizes and strides)
  std::span<float> dweight{};             ///< dγ, C elements
  std::span<float> dbias{};               ///< dβ, C elements
};

/// Gradients of a loss, from its gradient dy by y, for y from forward_training on the same x:
///
/// dβ = Σdy; dγ = Σdy·x̂; dx = γ/√(σ²+ε)·(dy − mean(dy) − x̂·mean(dy·x̂)), with x̂ = (x−μ)/√(σ²+ε) computed
/// again from x. Sums and differences are taken in double or better, and each result is rounded once. dx is
/// +0 for constant dy.
///
/// dy has the shape of x. A value of x or dy that is not finite makes dx and dγ of its channel NaN; dβ is
/// still the sum of dy. A γ that is not finite affects only dx; whether dx/γ is 0, and its sign, are then
/// decided in double, which may be wrong where dy is so close to a linear function of x that the terms
/// cancel. For an empty x, dγ and dβ are +0. It is an error if dx, dγ or dβ overlaps itself or any other
/// memory of the call, except that dx may be dy (same data, sizes and strides).
///
/// Throws Error: channels, eps, momentum, rank, length, one_value (n = 1), alias.
void backward_training(const Options& options, const Affine& affine, TensorView<const float> x,
                       TensorView<const float> dy, const Gradients& gradients,
                       const Execution& execution = {});

/// The same for y from forward_inference: dx = γ·dy/√V, dγ = Σdy·(x−running_mean)/√V, dβ = Σdy with V =
/// running_var + ε.
///
/// dx and dγ of a channel are NaN if V is not above 0. If V is infinite they are 0, or NaN where the formula
/// is 0·∞. dγ is NaN if x, running_mean or dy has a value in the channel that is not finite; dx depends only
/// on dy, γ and V.
///
/// Throws Error: channels, eps, momentum, rank, length, alias.
void backward_inference(const Options& options, const Affine& affine, TensorView<const float> x,
                        TensorView<const float> dy, const Gradients& gradients,
                        std::span<const float> running_mean, std::span<const float> running_var,
                        const Execution& execution = {});

}  // namespace bn
