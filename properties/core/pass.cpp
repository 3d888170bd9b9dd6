#include "core/pass.hpp"

namespace bncheck {

std::string_view name_of(Pass pass) {
  switch (pass) {
    case Pass::training:
      return "training";
    case Pass::inference:
      return "inference";
    case Pass::backward_training:
      return "backward training";
    case Pass::backward_inference:
      break;
  }
  return "backward inference";
}

Pass pass_of(const Config& config, const Forward& forward, bool backward) {
  const bool of_batch = uses_batch(config, forward);
  if (backward) return of_batch ? Pass::backward_training : Pass::backward_inference;
  return of_batch ? Pass::training : Pass::inference;
}

std::optional<Pass> pass_of(const Case& c, std::size_t call) {
  if (call >= c.calls.size()) return std::nullopt;
  const bool backward = std::holds_alternative<Backward>(c.calls[call].operation);
  if (!backward && !std::holds_alternative<Forward>(c.calls[call].operation)) return std::nullopt;
  for (std::size_t k = call + 1; k-- > 0;) {
    if (const auto* forward = std::get_if<Forward>(&c.calls[k].operation)) {
      return pass_of(c.config, *forward, backward);
    }
  }
  return std::nullopt;
}

}  // namespace bncheck
