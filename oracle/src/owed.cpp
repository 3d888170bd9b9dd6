#include "bncheck/owed.hpp"

namespace bncheck {
namespace {

std::vector<OwedOutput> owed_by(const Config& config, const State& before, const Forward& forward,
                                const Dialect& dialect) {
  const Shape& shape = forward.x.shape;
  std::vector<OwedOutput> owed{{Output::y, forward.x.dtype, shape}};
  const bool empty = element_count(shape).value_or(0) == 0;
  if (!uses_batch(config, forward) || shape.size() < 2) return owed;
  if (empty && dialect.empty_batch == EmptyBatch::untouched) return owed;
  // An x with another number of channels must be refused; nothing is owed then.
  const Shape vector{dialect.axes == Axes::spatial ? config.num_features
                                                   : feature_count(shape, dialect.axes).features};
  const Dtype vectors = dtype_of_vectors(before, forward.x.dtype);
  if (dialect.saved != Saved::none && !empty) {
    owed.push_back({Output::saved_mean, vectors, vector});
    owed.push_back(
        {dialect.saved == Saved::mean_var ? Output::saved_var : Output::saved_invstd, vectors, vector});
  }
  if (!updates_running(config, forward) || dialect.averaging == Averaging::none) return owed;
  owed.push_back({Output::running_mean, vectors, vector});
  owed.push_back({Output::running_var, vectors, vector});
  if (dialect.averaging == Averaging::ratio) owed.push_back({Output::running_weight, vectors, {1}});
  return owed;
}

std::vector<OwedOutput> owed_by(const Config& config, const State& before, const Backward& backward,
                                const Forward& forward) {
  std::vector<OwedOutput> owed;
  const Dtype vectors = dtype_of_vectors(before, forward.x.dtype);
  if (backward.want_dx) owed.push_back({Output::dx, forward.x.dtype, forward.x.shape});
  // One element per parameter: with per-activation axes that is more than num_features.
  const Shape vector = before.weight ? before.weight->shape
                       : before.bias ? before.bias->shape
                                     : Shape{config.num_features};
  if (backward.want_dweight && config.weight) owed.push_back({Output::dweight, vectors, vector});
  if (backward.want_dbias && config.bias) owed.push_back({Output::dbias, vectors, vector});
  return owed;
}

}  // namespace

Dtype dtype_of_vectors(const State& state, Dtype data) {
  for (const auto& [name, member] : state_tensors) {
    if (state.*member) return (state.*member)->dtype;
  }
  return data;
}

std::vector<OwedOutput> owed(const Config& config, const State& before, const Call& call,
                             const Dialect& dialect, const Forward* latest) {
  if (const auto* forward = std::get_if<Forward>(&call.operation)) {
    return owed_by(config, before, *forward, dialect);
  }
  const auto* backward = std::get_if<Backward>(&call.operation);
  if (backward == nullptr || latest == nullptr) return {};
  return owed_by(config, before, *backward, *latest);
}

}  // namespace bncheck
