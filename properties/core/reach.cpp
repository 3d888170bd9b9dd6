#include "core/reach.hpp"

#include <algorithm>

#include "bncheck/walk.hpp"

namespace bncheck {
namespace {

using Reason = std::optional<std::string>;

Reason beyond_options(const Config& config, const Capabilities& can) {
  if (!can.dimensions.contains(config.dimensions))
    return "the subject has no BatchNorm" + std::to_string(config.dimensions) + "d";
  if (!config.has_parameters() && !can.without_affine) return "the subject needs weight and bias";
  if (config.one_parameter_alone() && !can.weight_or_bias_alone)
    return "the subject takes no weight without a bias and no bias without a weight";
  if (!config.track_running_stats && !can.untracked) return "the subject needs running statistics";
  if (config.num_features % can.channel_multiple != 0)
    return "the subject takes multiples of " + std::to_string(can.channel_multiple) + " channels";
  return std::nullopt;
}

Reason beyond_tensor(const Tensor& tensor, const Capabilities& can) {
  const std::int64_t count = element_count(tensor.shape).value_or(0);
  if (count == 0 && !can.empty) return "the subject takes no empty batch";
  if (can.max_elements > 0 && count > can.max_elements)
    return "the subject takes at most " + std::to_string(can.max_elements) + " elements";
  if (tensor.shape.size() > 1 && tensor.shape[1] % can.channel_multiple != 0)
    return "the subject takes multiples of " + std::to_string(can.channel_multiple) + " channels";
  return std::nullopt;
}

Reason beyond_call(const Call& call, const Config& config, const Capabilities& can) {
  if (const auto* forward = std::get_if<Forward>(&call.operation)) {
    const bool batch = uses_batch(config, *forward);
    if (batch && !can.training) return "the subject has no training";
    if (!batch && !can.inference) return "the subject has no inference";
    if (batch && config.track_running_stats && !config.momentum &&
        can.dialect.cumulative == Cumulative::unsupported)
      return "the subject needs a momentum";
    return beyond_tensor(forward->x, can);
  }
  if (const auto* backward = std::get_if<Backward>(&call.operation)) {
    if (!can.backward) return "the subject has no backward pass";
    return beyond_tensor(backward->dy, can);
  }
  if (!can.settable) return "the subject's momentum and state cannot be set between calls";
  return std::nullopt;
}

/// Reason for a gradient of a forward call in a mode for which the subject has no gradient.
Reason beyond_gradient(const Call& call, const Forward* latest, const Config& config,
                       const Capabilities& can) {
  if (latest == nullptr || !std::holds_alternative<Backward>(call.operation)) return std::nullopt;
  const bool batch = uses_batch(config, *latest);
  if (batch ? can.backward_training : can.backward_inference) return std::nullopt;
  return batch ? "the subject has no gradient in training" : "the subject has no gradient in inference";
}

/// One kind that the subject reports is enough, because any of them is right.
Reason beyond_errors(const std::vector<ErrorKind>& errors, const Capabilities& can) {
  if (errors.empty() ||
      std::ranges::any_of(errors, [&](ErrorKind kind) { return can.errors.contains(kind); }))
    return std::nullopt;
  return "the subject does not report the error '" + std::string(name_of(errors.front())) + "'";
}

}  // namespace

std::optional<std::string> beyond_reach(const Call& call, const Walk& at, const Capabilities& can) {
  if (Reason reason = beyond_call(call, at.config(), can)) return reason;
  if (Reason reason = beyond_gradient(call, at.latest(), at.config(), can)) return reason;
  if (can.errors == every_error()) return std::nullopt;
  return beyond_errors(errors_of(at.config(), at.before(), call, can.dialect, at.latest()), can);
}

std::optional<std::string> beyond_reach(const Case& c, const Capabilities& can) {
  if (Reason reason = beyond_options(c.config, can)) return reason;
  for (Walk walk(c, can.dialect); !walk.done(); walk.advance()) {
    if (Reason reason = beyond_reach(walk.call(), walk, can)) return reason;
  }
  return std::nullopt;
}

}  // namespace bncheck
