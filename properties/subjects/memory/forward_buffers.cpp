#include "subjects/memory/forward_buffers.hpp"

#include <array>
#include <utility>

#include "bncheck/owed.hpp"

namespace bncheck {

SavedBuffers::SavedBuffers(Saved saved, std::int64_t length, Dtype dtype) {
  if (saved == Saved::none) return;
  mean = room_for(length, dtype);
  (saved == Saved::mean_var ? var : invstd) = room_for(length, dtype);
}

bool SavedBuffers::touched() const {
  for (const OptionalBuffer* buffer : {&mean, &var, &invstd}) {
    if (*buffer && !(*buffer)->unchanged()) return true;
  }
  return false;
}

std::optional<Death> SavedBuffers::damage(std::size_t call) const {
  const std::array<std::pair<const char*, const OptionalBuffer*>, 3> all{
      {{"saved_mean", &mean}, {"saved_var", &var}, {"saved_invstd", &invstd}}};
  for (const auto& [name, buffer] : all) {
    if (*buffer && !(*buffer)->guards_intact())
      return Death{Death::Cause::guard_zone, std::string("around ") + name, call};
  }
  return std::nullopt;
}

void SavedBuffers::gather_into(Values& values) const {
  if (mean) values.outputs.emplace(Output::saved_mean, mean->gather());
  if (var) values.outputs.emplace(Output::saved_var, var->gather());
  if (invstd) values.outputs.emplace(Output::saved_invstd, invstd->gather());
}

ForwardBuffers::ForwardBuffers(const State& given, const Tensor& x, const Exec& exec, Saved wanted,
                               std::int64_t length)
    : tensors(x, exec), state(given), saved(wanted, length, dtype_of_vectors(given, x.dtype)) {}

bool ForwardBuffers::touched() const {
  return tensors.touched() || state.touched() || saved.touched();
}

std::optional<Death> ForwardBuffers::damage(std::size_t call, bool may_update) const {
  if (auto death = state.damage(call, may_update)) return death;
  if (auto death = saved.damage(call)) return death;
  return tensors.damage(call);
}

Values ForwardBuffers::gather(bool used_batch) const {
  Values values;
  values.outputs.emplace(Output::y, tensors.gather_out());
  if (used_batch) saved.gather_into(values);
  return values;
}

}  // namespace bncheck
