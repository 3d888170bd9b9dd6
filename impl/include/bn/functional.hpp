// BatchNorm as functions: every value that a call reads or changes is an argument.
//
// n = values per channel (batch size times spatial size), C = channels = options.num_features.
// Every rejection is a bn::Error, thrown before the first write: a call that fails changes nothing.
// Results depend on the values only: not on layout, threads, instruction set, the caller's rounding mode
// or its flush-to-zero flags.
//
// Overlap of memory is decided from the addresses that are used, so the interleaved halves of one buffer are
// apart. For strides so irregular that this takes more than about 10^5 steps, the call is rejected as
// overlapping; views that come from slicing, permuting and reversing a dense buffer never are.
//
// Calls may run at the same time from several threads, as long as they write to different memory.
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

/// Updated in place by a training call; C elements each. The counter is never null in a valid call.
struct RunningStatistics {
  std::span<float> mean;
  std::span<float> var;
  std::int64_t* num_batches_tracked = nullptr;
};

/// Where a training call saves the batch's statistics, C elements each; an empty span means "not wanted".
/// `var` is the population variance, `invstd` is 1/√(var + eps) from the unrounded variance.
struct BatchStatistics {
  std::span<float> mean{};
  std::span<float> var{};
  std::span<float> invstd{};
};

struct Execution {
  int threads = 0;  ///< 0 (or less): OpenMP's default
};

/// y = γ·(x−μ)/√(σ²+eps) + β with the batch's mean and population variance.
///
/// Updates `*running` when it is given: r ← (1−m)·r + m·s, with the unbiased variance, and counts the batch.
/// Writes the members of `saved` that are wanted. y may be x (same data, sizes and strides); every other
/// overlap of something that is written is an error. An empty x passes the same checks and changes nothing.
///
/// Throws Error: channels, eps, momentum, rank, length, counter, one_value (n = 1), alias.
void forward_training(const Options& options, const Affine& affine, TensorView<const float> x,
                      TensorView<float> y, RunningStatistics* running, const BatchStatistics& saved = {},
                      const Execution& execution = {});

/// y = γ·(x−running_mean)/√(running_var+eps) + β; changes nothing but y. y may be x as above.
///
/// A channel whose running_var + eps is not above 0 is NaN: that is data, not an error.
/// Throws Error: channels, eps, momentum, rank, length, alias.
void forward_inference(const Options& options, const Affine& affine, TensorView<const float> x,
                       TensorView<float> y, std::span<const float> running_mean,
                       std::span<const float> running_var, const Execution& execution = {});

/// Where a backward call writes; what is absent or an empty span is not wanted and not computed.
struct Gradients {
  std::optional<TensorView<float>> dx{};  ///< shape of x; may be dy itself (same data, sizes and strides)
  std::span<float> dweight{};             ///< dγ, C elements
  std::span<float> dbias{};               ///< dβ, C elements
};

/// The gradients of a loss whose gradient by y is dy, for y from forward_training on the same x:
///
/// dβ = Σdy; dγ = Σdy·x̂; dx = γ/√(σ²+eps)·(dy − mean(dy) − x̂·mean(dy·x̂)), with x̂ = (x−μ)/√(σ²+eps) recomputed
/// from x. Sums and differences are taken in double or better, and each result is rounded once. dx is +0 for
/// constant dy.
///
/// dy has the shape of x. A value of x or dy that is not finite makes its channel's dx and dγ NaN; dβ is the
/// sum of dy all the same. A γ that is not finite touches dx only; whether dx/γ is 0 and its sign are then
/// judged in double, which errs where dy is so close to a linear function of x that the terms cancel. For an
/// empty x, dγ and dβ are +0. Whatever of dx, dγ and dβ overlaps anything else of the call, or itself, is an
/// error, but for dx in the very place of dy.
///
/// Throws Error: channels, eps, momentum, rank, length, one_value (n = 1), alias.
void backward_training(const Options& options, const Affine& affine, TensorView<const float> x,
                       TensorView<const float> dy, const Gradients& gradients,
                       const Execution& execution = {});

/// The same for y from forward_inference: dx = γ·dy/√V, dγ = Σdy·(x−running_mean)/√V, dβ = Σdy with
/// V = running_var + eps.
///
/// A channel whose V is not above 0 has NaN for dx and dγ; one whose V is infinite has 0, or NaN where 0·∞
/// is asked for. dγ is NaN where x, running_mean or dy has a value in the channel that is not finite; dx
/// looks at dy, γ and V only.
///
/// Throws Error: channels, eps, momentum, rank, length, alias.
void backward_inference(const Options& options, const Affine& affine, TensorView<const float> x,
                        TensorView<const float> dy, const Gradients& gradients,
                        std::span<const float> running_mean, std::span<const float> running_var,
                        const Execution& execution = {});

}  // namespace bn
