#include "report/case_line.hpp"

#include <fmt/format.h>

#include "bncheck/elements.hpp"
#include "report/show_case.hpp"

namespace bncheck {
namespace {

constexpr std::size_t shown_values = 16;

/// Fewest digits that identify the value as a float; numbers of narrower dtypes are floats too.
std::string show_shortest(double value, Dtype dtype) {
  return dtype == Dtype::f64 ? fmt::format("{}", value) : fmt::format("{}", static_cast<float>(value));
}
std::string show_shortest(const Tensor& tensor, std::int64_t index) {
  return show_shortest(element(tensor, index), tensor.dtype);
}

std::string show_values(const Tensor& tensor) {
  std::vector<std::string> shown;
  bool uniform = tensor.size() > 1;
  const auto count = static_cast<std::int64_t>(tensor.size());
  for (std::int64_t i = 0; i < count; ++i) {
    uniform = uniform && element_bits(tensor, i) == element_bits(tensor, 0);
    if (shown.size() < shown_values) shown.push_back(show_shortest(tensor, i));
  }
  const std::string dtype = tensor.dtype == Dtype::f32 ? "" : fmt::format("{} ", name_of(tensor.dtype));
  if (uniform) return fmt::format("{}all {}", dtype, shown.front());
  return fmt::format("{}{}{}", dtype, fmt::join(shown, " "), tensor.size() > shown_values ? " ..." : "");
}

std::string show_input(const char* name, const Tensor& tensor) {
  return fmt::format(" {} {} = {}", name, to_string(tensor.shape), show_values(tensor));
}

std::string show_placement(const char* name, const Placement& placement, const Shape& shape) {
  if (placement == Placement{} || !fits(placement, shape)) return "";
  return fmt::format(" {} strides {}{}", name, to_string(strides_of(placement, shape)),
                     placement.offset == 0 ? "" : fmt::format(" offset {}", placement.offset));
}

std::string show_exec(const Exec& exec, const Shape& shape, const char* read, const char* written) {
  std::string text = show_placement(read, exec.x, shape) + show_placement(written, exec.y, shape);
  if (exec.overlap != Overlap::none) text += fmt::format(" overlap {}", name_of(exec.overlap));
  if (exec.threads != 0) text += fmt::format(" {} threads", exec.threads);
  if (exec.rounding != Rounding::nearest) text += fmt::format(" rounding {}", name_of(exec.rounding));
  return text + (exec.flush_to_zero ? " flush to zero" : "");
}

std::string show_state(const State& state, const State& usual) {
  std::string text;
  const auto add = [&](std::string_view name, const std::optional<Tensor>& tensor,
                       const std::optional<Tensor>& other) {
    if (tensor == other) return;
    if (!tensor) {
      text += fmt::format(", no {}", name);
    } else {
      const bool expected_shape = other && other->shape == tensor->shape;
      text += fmt::format(", {}{} {}", name, expected_shape ? "" : " " + to_string(tensor->shape),
                          show_values(*tensor));
    }
  };
  for (const auto& [name, member] : state_tensors) add(name, state.*member, usual.*member);
  if (state.num_batches_tracked != usual.num_batches_tracked) {
    text += fmt::format(", num_batches_tracked {}", state.num_batches_tracked);
  }
  return text;
}

std::string show_momentum(const std::optional<double>& momentum) {
  return momentum ? fmt::format("momentum {}", *momentum) : "momentum cumulative";
}

/// Fresh state of the layer; empty for a num_features that is negative or above 4096, for which it would be
/// large.
State usual_state(const Config& config) {
  const bool reasonable = config.num_features >= 0 && config.num_features <= 4096;
  return reasonable ? fresh_state(config) : State{};
}

std::string show_call(const Call& call, const State& usual) {
  if (const auto* forward = std::get_if<Forward>(&call.operation)) {
    return fmt::format("forward {}{}{}", forward->training ? "training" : "inference",
                       show_input("x", forward->x), show_exec(call.exec, forward->x.shape, "x", "y"));
  }
  if (const auto* backward = std::get_if<Backward>(&call.operation)) {
    const char* mode = !backward->training ? "" : *backward->training ? " training" : " inference";
    return fmt::format("backward{}{}{}{}{}{}", mode, backward->want_dx ? " dx" : "",
                       backward->want_dweight ? " dweight" : "", backward->want_dbias ? " dbias" : "",
                       show_input("dy", backward->dy), show_exec(call.exec, backward->dy.shape, "dy", "dx"));
  }
  if (const auto* set = std::get_if<SetMomentum>(&call.operation)) {
    return "set " + show_momentum(set->momentum);
  }
  const std::string state = show_state(std::get<Load>(call.operation).state, usual);
  return "load" + (state.empty() ? " a fresh state" : state.substr(1));
}

}  // namespace

std::string show_case_line(const Case& c) {
  const Config usual;
  std::string text = fmt::format("BatchNorm{}d({})", c.config.dimensions, c.config.num_features);
  if (c.config.eps != usual.eps) text += fmt::format(", eps {}", c.config.eps);
  if (c.config.momentum != usual.momentum) text += ", " + show_momentum(c.config.momentum);
  text += show_parameters(c.config);
  if (!c.config.track_running_stats) text += ", track_running_stats = false";
  const State fresh = usual_state(c.config);
  text += show_state(c.state, fresh);
  for (const Call& call : c.calls) text += "; " + show_call(call, fresh);
  return text;
}

std::string show_mismatch_line(const Mismatch& mismatch) {
  return fmt::format("call {} {}[{}]: got {}, expected {}", mismatch.call, name_of(mismatch.output),
                     mismatch.index, show_shortest(mismatch.got, mismatch.dtype),
                     show_shortest(mismatch.expected, mismatch.dtype));
}

std::string show_verdict_line(const Verdict& verdict) {
  return verdict.mismatches.empty() ? verdict.message : show_mismatch_line(verdict.mismatches.front());
}

}  // namespace bncheck
