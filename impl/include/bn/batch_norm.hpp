// The layer: BatchNorm with its parameters, running statistics and mode.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bn/functional.hpp"

namespace bn {

struct LayerOptions {
  std::int64_t num_features = 0;         ///< C, at least 1
  double eps = 1e-5;                     ///< as in Options
  std::optional<double> momentum = 0.1;  ///< as in Options
  bool affine = true;                    ///< false: no weight and bias, γ = 1 and β = 0
  bool track_running_stats = true;       ///< false: no running statistics, batch statistics in both modes
};

/// Everything that a layer remembers. Vectors have C elements; weight and bias are present in an affine
/// layer, the running statistics in a tracking one.
struct State {
  std::optional<std::vector<float>> weight;
  std::optional<std::vector<float>> bias;
  std::optional<std::vector<float>> running_mean;
  std::optional<std::vector<float>> running_var;
  std::int64_t num_batches_tracked = 0;

  friend bool operator==(const State&, const State&) = default;
};

/// A BatchNorm layer; copying it copies its state. It starts in training mode with γ = 1, β = 0, mean 0,
/// variance 1.
class BatchNorm {
 public:
  /// Throws Error: channels, eps, momentum.
  BatchNorm(Dimensions dimensions, const LayerOptions& options);
  /// A layer that starts from a state. Throws what the other constructor and `load` throw, before it
  /// allocates.
  BatchNorm(Dimensions dimensions, const LayerOptions& options, const State& state);

  void train(bool on = true) noexcept { training_ = on; }
  void eval() noexcept { training_ = false; }
  [[nodiscard]] bool is_training() const noexcept { return training_; }

  /// forward_training in training mode and in a layer that does not track, else forward_inference. `saved` is
  /// written where batch statistics are used, and ignored elsewhere. Throws what those functions throw; a
  /// call that fails leaves the layer and y as they were.
  void forward(TensorView<const float> x, TensorView<float> y, const BatchStatistics& saved = {},
               const Execution& execution = {});

  /// backward_training or backward_inference, whichever belongs to the forward of the mode that the layer is
  /// in now; nothing of the layer changes. x is that of the forward call, which the layer does not keep.
  ///
  /// Throws Error{no_forward} unless the latest forward that succeeded was made in this mode and no load came
  /// after it, and what those functions throw; nothing is written then. Copies remember that forward too.
  void backward(TensorView<const float> x, TensorView<const float> dy, const Gradients& gradients,
                const Execution& execution = {}) const;

  /// Throws Error{momentum} for NaN and infinity.
  void set_momentum(std::optional<double> momentum);

  [[nodiscard]] State state() const;

  /// Throws Error{length} for a vector of another length than C, a missing or a superfluous one,
  /// Error{counter} for a negative counter; the layer is then as it was. A layer that does not track ignores
  /// the counter.
  void load(const State& state);

  [[nodiscard]] BatchNorm clone() const { return *this; }
  [[nodiscard]] Dimensions dimensions() const noexcept { return dimensions_; }
  [[nodiscard]] const LayerOptions& options() const noexcept { return options_; }

  // Views of the parameters and statistics, C elements each; empty where the layer has none.
  [[nodiscard]] std::span<float> weight() noexcept { return weight_; }
  [[nodiscard]] std::span<const float> weight() const noexcept { return weight_; }
  [[nodiscard]] std::span<float> bias() noexcept { return bias_; }
  [[nodiscard]] std::span<const float> bias() const noexcept { return bias_; }
  [[nodiscard]] std::span<const float> running_mean() const noexcept { return running_mean_; }
  [[nodiscard]] std::span<const float> running_var() const noexcept { return running_var_; }
  [[nodiscard]] std::int64_t num_batches_tracked() const noexcept { return num_batches_tracked_; }

 private:
  [[nodiscard]] Options call_options() const;
  [[nodiscard]] Affine affine() const;

  Dimensions dimensions_;
  LayerOptions options_;
  std::vector<float> weight_, bias_, running_mean_, running_var_;
  std::int64_t num_batches_tracked_ = 0;
  bool training_ = true;
  std::optional<bool> forward_in_training_;  // the mode of the latest forward since the latest load
};

/// Input (N, C) or (N, C, L).
class BatchNorm1d : public BatchNorm {
 public:
  explicit BatchNorm1d(const LayerOptions& options) : BatchNorm(Dimensions::d1, options) {}
};

/// Input (N, C, H, W).
class BatchNorm2d : public BatchNorm {
 public:
  explicit BatchNorm2d(const LayerOptions& options) : BatchNorm(Dimensions::d2, options) {}
};

/// Input (N, C, D, H, W).
class BatchNorm3d : public BatchNorm {
 public:
  explicit BatchNorm3d(const LayerOptions& options) : BatchNorm(Dimensions::d3, options) {}
};

}  // namespace bn
