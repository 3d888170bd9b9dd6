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
  bool weight = true;                    ///< false: no weight, γ = 1
  bool bias = true;                      ///< false: no bias, β = 0
  bool track_running_stats = true;       ///< false: no running statistics, batch statistics in both modes
};

/// State of a layer. Vectors have C elements. weight and bias are present where the options have them, the running
/// statistics in a layer that tracks them.
struct State {
  std::optional<std::vector<float>> weight;
  std::optional<std::vector<float>> bias;
  std::optional<std::vector<float>> running_mean;
  std::optional<std::vector<float>> running_var;
  std::int64_t num_batches_tracked = 0;

  friend bool operator==(const State&, const State&) = default;
};

/// A BatchNorm layer. A copy has its own state. A new layer is in training mode, with γ = 1, β = 0, running
/// mean 0, running variance 1.
class BatchNorm {
 public:
  /// New layer. Throws Error: channels, eps, momentum.
  BatchNorm(Dimensions dimensions, const LayerOptions& options);
  /// Layer that starts from a state. Throws what the other constructor and `load` throw, before it allocates.
  BatchNorm(Dimensions dimensions, const LayerOptions& options, const State& state);

  void train(bool on = true) noexcept { training_ = on; }
  void eval() noexcept { training_ = false; }
  [[nodiscard]] bool is_training() const noexcept { return training_; }

  /// forward_training in training mode and in a layer that does not track, else forward_inference. `saved` is
  /// written if batch statistics are used, and ignored otherwise. Throws what those functions throw. A call
  /// that fails leaves the layer and y unchanged.
  void forward(TensorView<const float> x, TensorView<float> y, const BatchStatistics& saved = {},
               const Execution& execution = {});

  /// backward_training or backward_inference, according to the present mode of the layer; the layer does not
  /// change. x is the input of the forward call, which the layer does not keep.
  ///
  /// Throws Error{no_forward} unless the latest forward call that succeeded was made in this mode and no load
  /// came after it, and what those functions throw. A call that fails writes nothing. A copy of the layer
  /// remembers the forward call too.
  void backward(TensorView<const float> x, TensorView<const float> dy, const Gradients& gradients,
                const Execution& execution = {}) const;

  /// Throws Error{momentum} for NaN and infinity.
  void set_momentum(std::optional<double> momentum);

  [[nodiscard]] State state() const;

  /// Replaces the state. Throws Error{length} for a vector whose length is not C, and for a missing or
  /// superfluous one, and Error{counter} for a negative counter; the layer is unchanged then. A layer that
  /// does not track ignores the counter.
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
  std::optional<bool> forward_in_training_;  // mode of the latest forward call since the latest load
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
