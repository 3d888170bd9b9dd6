#include "bncheck/case.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace bncheck {

State fresh_state(const Config& config) {
  State state;
  const Shape shape{std::max<std::int64_t>(config.num_features, 0)};
  if (config.weight) state.weight = Tensor::filled(shape, 1);
  if (config.bias) state.bias = Tensor::filled(shape, 0);
  if (config.track_running_stats) {
    state.running_mean = Tensor::filled(shape, 0);
    state.running_var = Tensor::filled(shape, 1);
  }
  return state;
}

std::vector<Tensor*> vectors_of(State& state) {
  std::vector<Tensor*> vectors;
  for (const auto& [name, member] : vector_tensors) {
    if (state.*member) vectors.push_back(&*(state.*member));
  }
  return vectors;
}

bool uses_batch(const Config& config, bool training) {
  return training || !config.track_running_stats;
}
bool uses_batch(const Config& config, const Forward& forward) {
  return uses_batch(config, forward.training);
}
bool updates_running(const Config& config, const Forward& forward) {
  return forward.training && config.track_running_stats;
}

const Tensor* input_of(const Call& call) {
  if (const auto* forward = std::get_if<Forward>(&call.operation)) return &forward->x;
  if (const auto* backward = std::get_if<Backward>(&call.operation)) return &backward->dy;
  return nullptr;
}
Tensor* input_of(Call& call) {
  return const_cast<Tensor*>(input_of(std::as_const(call)));
}

namespace {
/// Whether a stride overflows: the same steps as in strides_of, without the values.
bool strides_overflow(const Placement& placement, const Shape& shape) {
  std::int64_t step = 1;
  for (std::size_t k = shape.size(); k-- > 0;) {
    const std::size_t dimension = placement.order.empty() ? k : static_cast<std::size_t>(placement.order[k]);
    const std::int64_t gap = placement.gaps.empty() ? 0 : placement.gaps[dimension];
    if (__builtin_mul_overflow(step, std::max<std::int64_t>(shape[dimension], 1), &step) ||
        __builtin_add_overflow(step, gap, &step)) {
      return true;
    }
  }
  return false;
}
}  // namespace

bool fits(const Placement& placement, const Shape& shape) {
  const std::size_t rank = shape.size();
  if (placement.offset < 0) return false;
  if (!placement.gaps.empty() && placement.gaps.size() != rank) return false;
  if (std::ranges::any_of(placement.gaps, [](std::int64_t gap) { return gap < 0; })) return false;
  std::vector<int> identity(rank);
  std::iota(identity.begin(), identity.end(), 0);
  if (!placement.order.empty() && !std::ranges::is_permutation(placement.order, identity)) return false;
  return !strides_overflow(placement, shape);
}

std::vector<std::int64_t> strides_of(const Placement& placement, const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t k = shape.size(); k-- > 0;) {
    const std::size_t dimension = placement.order.empty() ? k : static_cast<std::size_t>(placement.order[k]);
    strides[dimension] = step;
    step *= std::max<std::int64_t>(shape[dimension], 1);
    if (!placement.gaps.empty()) step += placement.gaps[dimension];
  }
  return strides;
}

std::int64_t extent_of(const Placement& placement, const Shape& shape) {
  const std::vector<std::int64_t> strides = strides_of(placement, shape);
  std::int64_t last = 0;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    if (shape[k] <= 0) return 0;
    last += (shape[k] - 1) * strides[k];
  }
  return last + 1;
}

Placement channels_last(std::size_t rank) {
  Placement placement;
  if (rank < 3) return placement;
  placement.order.push_back(0);
  for (std::size_t k = 2; k < rank; ++k) placement.order.push_back(static_cast<int>(k));
  placement.order.push_back(1);
  return placement;
}

}  // namespace bncheck
