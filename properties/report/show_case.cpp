#include "report/show_case.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "bncheck/elements.hpp"

namespace bncheck {
namespace {

constexpr std::int64_t shown_values = 32;

/// Number of elements from `begin` on that have the same bits.
std::int64_t run_from(const Tensor& tensor, std::int64_t begin) {
  const auto count = static_cast<std::int64_t>(tensor.size());
  std::int64_t end = begin + 1;
  while (end < count && element_bits(tensor, end) == element_bits(tensor, begin)) ++end;
  return end - begin;
}

/// A long tensor is shown by its runs of equal elements, so that what differs is not cut off: "256 x 0, then 1".
std::string show_tensor(const Tensor& tensor) {
  std::string text = to_string(tensor.shape);
  if (tensor.dtype != Dtype::f32) text += fmt::format(" {}", name_of(tensor.dtype));
  text += " =";
  const auto count = static_cast<std::int64_t>(tensor.size());
  constexpr std::int64_t shortest_run = 4;
  std::int64_t i = 0;
  for (int shown = 0; i < count && shown < shown_values; ++shown) {
    if (shown % 4 == 0 && count > 4) text += "\n     ";
    const std::int64_t run = count > shown_values ? run_from(tensor, i) : 1;
    if (run >= shortest_run) text += fmt::format(" {} x", run);
    text += " " + show_element(tensor, i);
    i += run >= shortest_run ? run : 1;
  }
  if (i < count) text += fmt::format("\n      ... {} more", count - i);
  return text;
}

std::string show_state(const State& state, const std::string& indent) {
  std::string text;
  for (const auto& [name, member] : state_tensors) {
    if (state.*member) text += fmt::format("{}{} {}\n", indent, name, show_tensor(*(state.*member)));
  }
  if (state.num_batches_tracked != 0) {
    text += fmt::format("{}num_batches_tracked = {}\n", indent, state.num_batches_tracked);
  }
  return text;
}

std::string show_momentum(const std::optional<double>& momentum) {
  return momentum ? fmt::format("{}", *momentum) : "cumulative";
}

std::string show_placement(const char* name, const Placement& placement, const Shape& shape) {
  if (placement == Placement{} || !fits(placement, shape)) return "";
  return fmt::format("; {} strides {} offset {}", name, to_string(strides_of(placement, shape)),
                     placement.offset);
}

std::string show_exec(const Exec& exec, const Shape& shape, const char* read, const char* written) {
  std::string text = show_placement(read, exec.x, shape) + show_placement(written, exec.y, shape);
  if (exec.overlap != Overlap::none) text += fmt::format("; overlap {}", name_of(exec.overlap));
  if (exec.threads != 0) text += fmt::format("; {} threads", exec.threads);
  if (exec.rounding != Rounding::nearest) text += fmt::format("; rounding {}", name_of(exec.rounding));
  if (exec.flush_to_zero) text += "; flush to zero";
  return text;
}

std::string show_call(const Call& call) {
  if (const auto* forward = std::get_if<Forward>(&call.operation)) {
    return fmt::format("forward {}{}\n    x {}\n", forward->training ? "training" : "inference",
                       show_exec(call.exec, forward->x.shape, "x", "y"), show_tensor(forward->x));
  }
  if (const auto* backward = std::get_if<Backward>(&call.operation)) {
    return fmt::format("backward{}{}{}{}{}\n    dy {}\n",
                       !backward->training   ? ""
                       : *backward->training ? " training"
                                             : " inference",
                       backward->want_dx ? " dx" : "", backward->want_dweight ? " dweight" : "",
                       backward->want_dbias ? " dbias" : "",
                       show_exec(call.exec, backward->dy.shape, "dy", "dx"), show_tensor(backward->dy));
  }
  if (const auto* set = std::get_if<SetMomentum>(&call.operation)) {
    return fmt::format("set momentum {}\n", show_momentum(set->momentum));
  }
  return "load\n" + show_state(std::get<Load>(call.operation).state, "    ");
}

std::string show_index(std::int64_t flat, const Shape& shape) {
  std::vector<std::int64_t> index(shape.size());
  for (std::size_t k = shape.size(); k-- > 0;) {
    if (shape[k] <= 0) return std::to_string(flat);
    index[k] = flat % shape[k];
    flat /= shape[k];
  }
  return fmt::format("{}", fmt::join(index, ","));
}

/// Index of the element within y or dx, or in a vector.
std::string show_place(const Case& c, const Mismatch& mismatch) {
  const Tensor* input = input_of(c.calls[mismatch.call]);
  const bool like_input = mismatch.output == Output::y || mismatch.output == Output::dx;
  return like_input && input != nullptr ? show_index(mismatch.index, input->shape)
                                        : std::to_string(mismatch.index);
}

}  // namespace

namespace {

/// Digits that identify a number of the dtype: ⌈1 + p·log₁₀ 2⌉.
int digits_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return 17;
    case Dtype::f16:
      return 5;
    case Dtype::bf16:
      return 4;
    case Dtype::f32:
      break;
  }
  return 9;
}

std::string show_bits(double value, std::uint64_t bits, Dtype dtype) {
  return fmt::format("{:.{}g} (0x{:0{}x})", value, digits_of(dtype), bits, 2 * size_of(dtype));
}

}  // namespace

std::string show_number(double value, Dtype dtype) {
  Tensor one = Tensor::zeros(dtype, {1});
  set_element(one, 0, value);
  return show_element(one, 0);
}

std::string show_element(const Tensor& tensor, std::int64_t index) {
  return show_bits(element(tensor, index), element_bits(tensor, index), tensor.dtype);
}

std::string show_measure(double value) {
  // A number beside 1 shows on which side it is.
  std::string text;
  for (int digits = 3; digits <= std::numeric_limits<double>::max_digits10; ++digits) {
    text = fmt::format("{:.{}g}", value, digits);
    if (text != "1" || value == 1) break;
  }
  return text;
}

std::string_view show_parameters(const Config& config) {
  if (config.one_parameter_alone()) return config.weight ? ", weight only" : ", bias only";
  return config.weight ? "" : ", affine = false";
}

std::string show_case(const Case& c) {
  std::string text = fmt::format("  BatchNorm{}d({}), eps = {}, momentum = {}{}{}\n", c.config.dimensions,
                                 c.config.num_features, c.config.eps, show_momentum(c.config.momentum),
                                 show_parameters(c.config),
                                 c.config.track_running_stats ? "" : ", track_running_stats = false");
  text += show_state(c.state, "  ");
  for (std::size_t k = 0; k < c.calls.size(); ++k)
    text += fmt::format("  call {}: {}", k, show_call(c.calls[k]));
  return text;
}

std::string show_mismatches(const Case& c, const std::vector<Mismatch>& mismatches) {
  std::string text;
  for (const Mismatch& m : mismatches) {
    text += fmt::format("  call {} {}[{}]: ", m.call, name_of(m.output), show_place(c, m));
    if (m.of_two_runs) {
      text += fmt::format("one run {}, the other run {}\n", show_number(m.expected, m.dtype),
                          show_number(m.got, m.dtype));
      continue;
    }
    text += fmt::format("got {}, expected {}", show_number(m.got, m.dtype), show_number(m.expected, m.dtype));
    // An error as large as the result itself says nothing in ulps of that result, which is 0 or has cancelled.
    const bool lost =
        std::isfinite(m.error.ulps) && m.error.ulps >= std::ldexp(1.0, format_of(m.dtype).precision);
    if (!lost) text += fmt::format(": {} ulps,", show_measure(m.error.ulps));
    text += fmt::format("{} ratio {}", lost ? ":" : "", show_measure(m.error.ratio));
    const bool folding_explains = m.output == Output::y && m.error.ratio > 1 && m.error.folded_ratio <= 1;
    text += folding_explains ? " (explained by folding into alpha x + beta')\n" : "\n";
  }
  return text;
}

}  // namespace bncheck
