#include "subjects/memory/state_buffers.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace bncheck {
namespace {

struct Statistic {
  const char* name;
  OptionalBuffer StateBuffers::* buffer;
  std::optional<Tensor> State::* tensor;
};
constexpr std::array<Statistic, 3> statistics{
    {{"running_mean", &StateBuffers::running_mean, &State::running_mean},
     {"running_var", &StateBuffers::running_var, &State::running_var},
     {"running_weight", &StateBuffers::running_weight, &State::running_weight}}};

OptionalBuffer place(const std::optional<Tensor>& tensor) {
  if (!tensor) return std::nullopt;
  return GuardedBuffer(*tensor, Placement{});
}

bool changed(const OptionalBuffer& buffer) {
  return buffer && !buffer->unchanged();
}

}  // namespace

GuardedBuffer room_for(std::int64_t length, Dtype dtype) {
  return {Shape{std::max<std::int64_t>(length, 0)}, Placement{}, dtype};
}

std::span<float> span_of(OptionalBuffer& buffer) {
  if (!buffer) return {};
  return {buffer->data(), static_cast<std::size_t>(element_count(buffer->shape()).value_or(0))};
}

StateBuffers::StateBuffers(const State& state)
    : weight(place(state.weight)),
      bias(place(state.bias)),
      running_mean(place(state.running_mean)),
      running_var(place(state.running_var)),
      running_weight(place(state.running_weight)) {}

bool StateBuffers::touched() const {
  return changed(weight) || changed(bias) || std::ranges::any_of(statistics, [&](const Statistic& statistic) {
           return changed(this->*statistic.buffer);
         });
}

std::optional<Death> StateBuffers::damage(std::size_t call, bool may_update) const {
  if (changed(weight)) return Death{Death::Cause::input_changed, "weight", call};
  if (changed(bias)) return Death{Death::Cause::input_changed, "bias", call};
  for (const Statistic& statistic : statistics) {
    const OptionalBuffer& buffer = this->*statistic.buffer;
    if (!may_update && changed(buffer)) return Death{Death::Cause::input_changed, statistic.name, call};
    if (buffer && !buffer->guards_intact())
      return Death{Death::Cause::guard_zone, std::string("around ") + statistic.name, call};
  }
  return std::nullopt;
}

void StateBuffers::gather_into(State& state) const {
  for (const Statistic& statistic : statistics) {
    if (const OptionalBuffer& buffer = this->*statistic.buffer) state.*statistic.tensor = buffer->gather();
  }
}

}  // namespace bncheck
