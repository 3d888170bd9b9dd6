/// Calls that must fail, and the kinds of error that they may fail with: the error rows of impl/CONTRACT.md.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "bncheck/expected.hpp"

namespace bncheck {
namespace {

/// What is wrong with one vector, which the options want with this length or not at all; empty if nothing is.
std::string misfit_of(std::string_view name, const std::optional<Tensor>& tensor, bool wanted,
                      std::int64_t length) {
  if (wanted ? tensor && tensor->shape == Shape{length} && tensor->is_whole() : !tensor) return "";
  std::string text(name);
  if (!tensor) {
    text += " is missing";
  } else {
    text += " has shape " + to_string(tensor->shape);
    if (!tensor->is_whole()) text += " and " + std::to_string(tensor->bytes.size()) + " bytes";
  }
  return text + ", expected " + (wanted ? to_string(Shape{length}) : "none");
}

/// What is wrong with the first vector of the state that does not fit; empty if all fit.
std::string misfit_in(const Config& config, const State& state, std::int64_t length) {
  const bool tracked = config.track_running_stats;
  const std::array<bool, vector_tensors.size()> wanted{config.weight, config.bias, tracked, tracked};
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    const auto& [name, member] = vector_tensors[k];
    if (std::string text = misfit_of(name, state.*member, wanted[k], length); !text.empty()) return text;
  }
  return state.running_weight ? misfit_of("running_weight", state.running_weight, true, 1) : "";
}

bool takes_rank(int dimensions, std::size_t rank) {
  if (dimensions == 1) return rank == 2 || rank == 3;
  return rank == static_cast<std::size_t>(dimensions) + 2;
}

bool eps_in_range(double eps) {
  return eps == 0 || (eps >= 0x1p-126 && eps <= 0x1p127);
}

/// Whether the momentum is finite, also as a float where it may become one: from 2^128 − 2^103 on, the nearest float
/// is infinite.
bool momentum_fits(const std::optional<double>& momentum, const Dialect& dialect) {
  if (!momentum) return true;
  return dialect.momentum_as != Scalar::f64 ? std::fabs(*momentum) < 0x1.ffffffp127
                                            : std::isfinite(*momentum);
}

std::set<std::int64_t> touched_offsets(const Shape& shape, const std::vector<std::int64_t>& strides) {
  std::set<std::int64_t> offsets{0};
  for (std::size_t k = 0; k < shape.size(); ++k) {
    std::set<std::int64_t> wider;
    for (std::int64_t i = 0; i < shape[k]; ++i) {
      for (const std::int64_t offset : offsets) wider.insert(offset + i * strides[k]);
    }
    offsets = std::move(wider);
  }
  return offsets;
}

/// Use of the running statistics by a call.
struct Uses {
  bool running, writes_running;
};

/// Whether an element of a written tensor of this shape shares its address with another of its elements, or
/// with a buffer that the call reads or writes.
bool overlaps(const Config& config, const Shape& shape, const Uses& uses, const Exec& exec) {
  // The statistics have elements even if the batch is empty.
  if (exec.overlap == Overlap::running_mean_and_var) return uses.writes_running;
  if (element_count(shape).value_or(0) == 0) return false;
  switch (exec.overlap) {
    case Overlap::none:
    case Overlap::in_place:
    case Overlap::dx_and_x:
      return false;
    case Overlap::y_itself:
      return std::ranges::any_of(shape, [](std::int64_t size) { return size > 1; });
    case Overlap::y_and_weight:
      return config.weight;
    case Overlap::y_and_running_mean:
    case Overlap::y_and_running_var:
      return uses.running;
    case Overlap::running_mean_and_var:
    case Overlap::shifted:
      break;
  }
  const std::set<std::int64_t> offsets = touched_offsets(shape, strides_of(exec.x, shape));
  return std::ranges::any_of(offsets, [&](std::int64_t offset) { return offsets.contains(offset + 1); });
}

/// Adds the errors of ε, rank, channels and values per channel for an input of this shape and dtype.
void shape_errors(const Config& config, const Shape& shape, Dtype data, bool training, const Dialect& dialect,
                  std::set<ErrorKind>& errors) {
  const bool batch = uses_batch(config, training);
  if (batch && lacks_eps(config, dialect, data)) errors.insert(ErrorKind::eps);
  if (!takes_rank(config.dimensions, shape.size())) errors.insert(ErrorKind::rank);
  if (shape.size() < 2) return;
  if (shape[1] != config.num_features) errors.insert(ErrorKind::channels);
  if (errors.contains(ErrorKind::rank)) return;
  const FeatureCount count = feature_count(shape, dialect.axes);
  const bool empty = element_count(shape).value_or(0) == 0;
  if (batch && !empty && count.values == 1 && dialect.single_value == SingleValue::error) {
    errors.insert(ErrorKind::one_value);
  }
  if (empty && dialect.empty_batch == EmptyBatch::error) errors.insert(ErrorKind::other);
}

void forward_errors(const Config& config, const Forward& forward, const Exec& exec, const Dialect& dialect,
                    std::set<ErrorKind>& errors) {
  const Shape& shape = forward.x.shape;
  shape_errors(config, shape, forward.x.dtype, forward.training, dialect, errors);
  if (!takes_rank(config.dimensions, shape.size())) return;
  const bool tracked = config.track_running_stats;
  if (overlaps(config, shape, {tracked, tracked && forward.training}, exec)) errors.insert(ErrorKind::alias);
}

/// Adds the errors of a backward call. Everything that forbids its forward call forbids the backward call
/// too, besides its own errors; a call with several errors may report any of them. The mode is the one that
/// the call names, or else that of its forward call; without a forward call, a mode that is not named counts
/// as inference.
void backward_errors(const Config& config, const Backward& backward, const Exec& exec, const Forward* latest,
                     const Dialect& dialect, std::set<ErrorKind>& errors) {
  if (latest == nullptr || backward.training.value_or(latest->training) != latest->training) {
    errors.insert(ErrorKind::no_forward);
  }
  const Shape& shape = backward.dy.shape;
  const bool training = backward.training.value_or(latest != nullptr && latest->training);
  if (latest != nullptr) {
    shape_errors(config, latest->x.shape, latest->x.dtype, training, dialect, errors);
    if (shape != latest->x.shape) errors.insert(ErrorKind::length);
  } else {
    shape_errors(config, shape, backward.dy.dtype, training, dialect, errors);
  }
  if (shape.size() >= 2 && shape[1] != config.num_features) errors.insert(ErrorKind::channels);
  if (!takes_rank(config.dimensions, shape.size())) {
    errors.insert(ErrorKind::rank);
    return;
  }
  const bool covers_x = exec.overlap == Overlap::dx_and_x && !backward.dy.bytes.empty();
  const Uses uses{config.track_running_stats && !training, false};
  if (backward.want_dx && (covers_x || overlaps(config, shape, uses, exec))) errors.insert(ErrorKind::alias);
}

/// Whether the counter has its largest value, which a training call that keeps statistics would have to
/// advance.
bool exhausts_counter(const Config& config, const State& before, const Forward& forward) {
  return updates_running(config, forward) &&
         before.num_batches_tracked == std::numeric_limits<std::int64_t>::max();
}

/// Number of statistics of the layer: per activation, channels times positions of the input. A call without an input
/// leaves the buffers as long as they are.
std::int64_t buffer_length(const Config& config, const State& before, const Call& call,
                           const Dialect& dialect) {
  if (dialect.axes == Axes::spatial) return config.num_features;
  const Tensor* input = input_of(call);
  if (input != nullptr && input->shape.size() >= 2) return feature_count(input->shape, dialect.axes).features;
  for (const auto& [name, member] : vector_tensors) {
    const std::optional<Tensor>& tensor = before.*member;
    if (tensor && tensor->shape.size() == 1) return tensor->shape[0];
  }
  return config.num_features;
}

}  // namespace

std::vector<ErrorKind> errors_of(const Config& config, const State& before, const Call& call,
                                 const Dialect& dialect, const Forward* latest) {
  const auto* forward = std::get_if<Forward>(&call.operation);
  if (const Tensor* input = input_of(call); input != nullptr && !input->is_whole()) {
    throw NoAnswer(std::string(forward != nullptr ? "x" : "dy") + " of shape " + to_string(input->shape) +
                   " and dtype " + std::string(name_of(input->dtype)) + " has " +
                   std::to_string(input->bytes.size()) + " bytes");
  }
  std::set<ErrorKind> errors;
  if (config.num_features < 1) errors.insert(ErrorKind::channels);
  if (!eps_in_range(config.eps)) errors.insert(ErrorKind::eps);
  if (!momentum_fits(config.momentum, dialect)) errors.insert(ErrorKind::momentum);
  // A layer without running statistics has no counter.
  if (config.track_running_stats && before.num_batches_tracked < 0) errors.insert(ErrorKind::counter);
  if (!vector_misfit(config, before, call, dialect).empty()) errors.insert(ErrorKind::length);
  if (forward != nullptr) {
    if (exhausts_counter(config, before, *forward)) errors.insert(ErrorKind::counter);
    forward_errors(config, *forward, call.exec, dialect, errors);
  } else if (const auto* backward = std::get_if<Backward>(&call.operation)) {
    backward_errors(config, *backward, call.exec, latest, dialect, errors);
  } else if (const auto* set = std::get_if<SetMomentum>(&call.operation)) {
    if (!momentum_fits(set->momentum, dialect)) errors.insert(ErrorKind::momentum);
  } else if (const auto* load = std::get_if<Load>(&call.operation)) {
    if (config.track_running_stats && load->state.num_batches_tracked < 0) errors.insert(ErrorKind::counter);
  }
  return {errors.begin(), errors.end()};
}

std::string vector_misfit(const Config& config, const State& before, const Call& call,
                          const Dialect& dialect) {
  const std::int64_t length = buffer_length(config, before, call, dialect);
  std::string text = misfit_in(config, before, length);
  const auto* load = std::get_if<Load>(&call.operation);
  if (text.empty() && load != nullptr) text = misfit_in(config, load->state, length);
  return text;
}

}  // namespace bncheck
