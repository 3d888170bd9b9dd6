#include "bn/batch_norm.hpp"

#include <string>
#include <utility>

#include "validate.hpp"

namespace bn {
namespace {

void check_presence(const char* name, const std::optional<std::vector<float>>& values, bool wanted,
                    std::int64_t channels) {
  if (values.has_value() != wanted) {
    throw Error(ErrorKind::length,
                std::string(name) + ": expected " +
                    (wanted ? std::to_string(channels) + " elements, got none"
                            : "none, got " + std::to_string(values->size()) + " elements"));
  }
  if (wanted) check_length(name, values->size(), channels);
}

std::size_t checked_channels(const LayerOptions& options) {
  check_options(options.num_features, options.eps, options.momentum);
  return static_cast<std::size_t>(options.num_features);
}

Error no_forward(bool training, const std::optional<bool>& latest) {
  const auto mode = [](bool on) { return std::string(on ? "training" : "inference"); };
  return {ErrorKind::no_forward,
          "backward in " + mode(training) +
              " mode: expected a forward in that mode to be the latest one, got " +
              (latest ? "one in " + mode(*latest) + " mode" : "none since the layer was made or loaded")};
}

}  // namespace

BatchNorm::BatchNorm(Dimensions dimensions, const LayerOptions& options)
    : dimensions_(dimensions), options_(options) {
  const std::size_t channels = checked_channels(options);
  if (options.weight) weight_.assign(channels, 1.0F);
  if (options.bias) bias_.assign(channels, 0.0F);
  if (options.track_running_stats) {
    running_mean_.assign(channels, 0.0F);
    running_var_.assign(channels, 1.0F);
  }
}

BatchNorm::BatchNorm(Dimensions dimensions, const LayerOptions& options, const State& state)
    : dimensions_(dimensions), options_(options) {
  checked_channels(options);
  load(state);
}

void BatchNorm::forward(TensorView<const float> x, TensorView<float> y, const BatchStatistics& saved,
                        const Execution& execution) {
  if (!options_.track_running_stats) {
    forward_training(call_options(), affine(), x, y, nullptr, saved, execution);
  } else if (training_) {
    RunningStatistics running{running_mean_, running_var_, &num_batches_tracked_};
    forward_training(call_options(), affine(), x, y, &running, saved, execution);
  } else {
    forward_inference(call_options(), affine(), x, y, running_mean_, running_var_, execution);
  }
  forward_in_training_ = training_;
}

void BatchNorm::backward(TensorView<const float> x, TensorView<const float> dy, const Gradients& gradients,
                         const Execution& execution) const {
  if (forward_in_training_ != training_) throw no_forward(training_, forward_in_training_);
  if (training_ || !options_.track_running_stats) {
    backward_training(call_options(), affine(), x, dy, gradients, execution);
  } else {
    backward_inference(call_options(), affine(), x, dy, gradients, running_mean_, running_var_, execution);
  }
}

Options BatchNorm::call_options() const {
  return {dimensions_, options_.num_features, options_.eps, options_.momentum};
}

Affine BatchNorm::affine() const {
  Affine affine;
  if (options_.weight) affine.weight = weight_;
  if (options_.bias) affine.bias = bias_;
  return affine;
}

void BatchNorm::set_momentum(std::optional<double> momentum) {
  check_momentum(momentum);
  options_.momentum = momentum;
}

State BatchNorm::state() const {
  State state;
  if (options_.weight) state.weight = weight_;
  if (options_.bias) state.bias = bias_;
  if (options_.track_running_stats) {
    state.running_mean = running_mean_;
    state.running_var = running_var_;
    state.num_batches_tracked = num_batches_tracked_;
  }
  return state;
}

void BatchNorm::load(const State& state) {
  const std::int64_t channels = options_.num_features;
  check_presence("weight", state.weight, options_.weight, channels);
  check_presence("bias", state.bias, options_.bias, channels);
  check_presence("running_mean", state.running_mean, options_.track_running_stats, channels);
  check_presence("running_var", state.running_var, options_.track_running_stats, channels);
  if (options_.track_running_stats && state.num_batches_tracked < 0) {
    throw Error(ErrorKind::counter,
                "num_batches_tracked: expected 0 or more, got " + std::to_string(state.num_batches_tracked));
  }
  State copy = state;  // the last operation that can fail
  weight_ = std::move(copy.weight).value_or(std::vector<float>{});
  bias_ = std::move(copy.bias).value_or(std::vector<float>{});
  running_mean_ = std::move(copy.running_mean).value_or(std::vector<float>{});
  running_var_ = std::move(copy.running_var).value_or(std::vector<float>{});
  num_batches_tracked_ = options_.track_running_stats ? state.num_batches_tracked : 0;
  forward_in_training_.reset();
}

}  // namespace bn
