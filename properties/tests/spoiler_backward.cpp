/// Wrong gradients. Most are the right formula with one part missing or taken from elsewhere.

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "laws/law_support.hpp"
#include "spoiler.hpp"

namespace bncheck::test {
namespace {

/// Parts of one channel's dx, in double.
struct Parts {
  double gamma = 1, eps = 0;
  double mean = 0, variance = 0;             ///< of x
  double mean_dy = 0, projection = 0;        ///< mean(dy), mean(dy·(x − μ))
  double running_mean = 0, running_var = 1;  ///< if the layer has any

  double invstd() const { return 1 / std::sqrt(variance + eps); }
};

using Formula = double (*)(const Parts&, double x, double dy);

double right_dx(const Parts& p, double x, double dy) {
  const double h = p.invstd();
  return p.gamma * h * (dy - p.mean_dy - (x - p.mean) * h * h * p.projection);
}
double without_mean(const Parts& p, double x, double dy) {
  return right_dx(p, x, dy) + p.gamma * p.invstd() * p.mean_dy;
}
double without_projection(const Parts& p, double, double dy) {
  return p.gamma * p.invstd() * (dy - p.mean_dy);
}
double without_gamma(const Parts& p, double x, double dy) {
  return right_dx(p, x, dy) / p.gamma;
}
/// σ² instead of σ² + ε.
double without_eps_in_projection(const Parts& p, double x, double dy) {
  const double h = p.invstd();
  const double centred = p.variance > 0 ? (x - p.mean) / p.variance : 0;
  return p.gamma * h * (dy - p.mean_dy - centred * p.projection);
}
/// mean(dy·x) instead of mean(dy·(x − μ)).
double with_uncentred_projection(const Parts& p, double x, double dy) {
  Parts other = p;
  other.projection += p.mean * p.mean_dy;
  return right_dx(other, x, dy);
}
double with_running_statistics(const Parts& p, double, double dy) {
  return p.gamma * dy / std::sqrt(p.running_var + p.eps);
}
double clipped(const Parts& p, double x, double dy) {
  return std::clamp(right_dx(p, x, dy), -0.1, 0.1);
}

double value(const std::optional<Tensor>& tensor, std::size_t c, double otherwise) {
  return tensor ? static_cast<double>(tensor->floats()[c]) : otherwise;
}

Parts parts_of(const Spoiling& s, std::int64_t channel, const std::vector<std::size_t>& at) {
  const auto c = static_cast<std::size_t>(channel);
  const State& state = s.asked.state;
  Parts p{value(state.weight, c, 1),     s.asked.config.eps, 0, 0, 0, 0, value(state.running_mean, c, 0),
          value(state.running_var, c, 1)};
  const auto n = static_cast<double>(at.size());
  const std::span<const float> x = s.forward().x.floats();
  const std::span<const float> dy = s.backward().dy.floats();
  for (const std::size_t i : at) {
    p.mean += static_cast<double>(x[i]) / n;
    p.mean_dy += static_cast<double>(dy[i]) / n;
  }
  for (const std::size_t i : at) {
    const double centred = static_cast<double>(x[i]) - p.mean;
    p.variance += centred * centred / n;
    p.projection += centred * (static_cast<double>(dy[i]) - p.mean_dy) / n;
  }
  return p;
}

using Spoil = std::function<void(const Spoiling&)>;

/// dx by another formula, in calls that use the batch's statistics (or in those that do not).
Spoil dx_is(Formula formula, bool batch = true) {
  return [=](const Spoiling& s) {
    Tensor* dx = s.output(Output::dx);
    const bool uses_batch = s.training() || !s.asked.config.track_running_stats;
    if (dx == nullptr || dx->bytes.empty() || uses_batch != batch) return;
    const Geometry geometry(dx->shape);
    for (std::int64_t c = 0; c < geometry.channels; ++c) {
      const std::vector<std::size_t> at = geometry.elements(c);
      const Parts p = parts_of(s, c, at);
      for (const std::size_t i : at) {
        dx->floats()[i] = static_cast<float>(formula(p, static_cast<double>(s.forward().x.floats()[i]),
                                                     static_cast<double>(s.backward().dy.floats()[i])));
      }
    }
  };
}

void each(const Spoiling& s, Output output, const std::function<float(float)>& change) {
  Tensor* tensor = s.output(output);
  if (tensor == nullptr) return;
  for (float& v : tensor->floats()) v = change(v);
}
void each(const Spoiling& s, const std::function<float(float)>& change) {
  for (const Output output : {Output::dx, Output::dweight, Output::dbias}) each(s, output, change);
}

void flip_last_bit(const Spoiling& s) {
  for (const Output output : {Output::dx, Output::dweight, Output::dbias}) {
    Tensor* tensor = s.output(output);
    if (tensor == nullptr || tensor->bytes.empty()) continue;
    tensor->floats()[0] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(tensor->floats()[0]) ^ 1);
  }
}

/// A sum of squares in float: dx = 0 where it overflows.
void overflows_in_squares(const Spoiling& s) {
  const bool huge =
      std::ranges::any_of(s.forward().x.floats(), [](float x) { return std::fabs(x) > 0x1p63f; });
  if (huge && s.training()) each(s, Output::dx, [](float) { return 0.0f; });
}

void averages_sums(const Spoiling& s) {
  const auto samples = static_cast<float>(std::max<std::int64_t>(s.forward().x.shape[0], 1));
  for (const Output output : {Output::dweight, Output::dbias})
    each(s, output, [=](float v) { return v / samples; });
}

/// Running sums in float.
void sums_in_float(const Spoiling& s) {
  Tensor* dweight = s.output(Output::dweight);
  Tensor* dbias = s.output(Output::dbias);
  if (dweight == nullptr || dbias == nullptr || s.forward().x.bytes.empty()) return;
  const Geometry geometry(s.forward().x.shape);
  for (std::int64_t c = 0; c < geometry.channels; ++c) {
    const std::vector<std::size_t> at = geometry.elements(c);
    const Parts p = parts_of(s, c, at);
    float sum = 0;
    float sum_dy = 0;
    for (const std::size_t i : at) {
      const double normal = (static_cast<double>(s.forward().x.floats()[i]) - p.mean) * p.invstd();
      sum += static_cast<float>(static_cast<double>(s.backward().dy.floats()[i]) * normal);
      sum_dy += s.backward().dy.floats()[i];
    }
    if (!s.training()) continue;
    dweight->floats()[static_cast<std::size_t>(c)] = sum;
    dbias->floats()[static_cast<std::size_t>(c)] = sum_dy;
  }
}

/// Reads dy with the placement of x.
void reads_dy_like_x(const Spoiling& s) {
  Tensor* dx = s.output(Output::dx);
  if (dx == nullptr) return;
  const Shape& shape = dx->shape;
  if (strides_of(s.asked.calls[0].exec.x, shape) == strides_of(s.asked.calls[1].exec.x, shape)) return;
  std::ranges::reverse(dx->floats());
}

void differs_in_place(const Spoiling& s) {
  if (s.asked.calls[1].exec.overlap == Overlap::in_place) flip_last_bit(s);
}

void flips_a_bit_now_and_then(const Spoiling& s) {
  if (s.runs % 3 == 2) flip_last_bit(s);
}

void minds_rounding_and_threads(const Spoiling& s) {
  const Exec& exec = s.asked.calls[1].exec;
  if (exec.rounding != Rounding::nearest || exec.threads > 1 || exec.flush_to_zero) flip_last_bit(s);
}

/// dx uses the sums of the parameters' gradients, and has none if these are not wanted.
void needs_the_others(const Spoiling& s) {
  if (!s.backward().want_dweight) dx_is(without_projection)(s);
}

void leaks_nan_to_the_next_channel(const Spoiling& s) {
  Tensor* dx = s.output(Output::dx);
  if (dx == nullptr || dx->bytes.empty()) return;
  const Geometry geometry(dx->shape);
  std::vector<bool> poisoned(static_cast<std::size_t>(geometry.channels) + 1, false);
  const auto channel = [&](std::size_t i) {
    return static_cast<std::size_t>(geometry.channel_of(static_cast<std::int64_t>(i)));
  };
  for (std::size_t i = 0; i < dx->size(); ++i) {
    if (std::isnan(dx->floats()[i])) poisoned[channel(i) + 1] = true;
  }
  for (std::size_t i = 0; i < dx->size(); ++i) {
    if (poisoned[channel(i)]) dx->floats()[i] = std::numeric_limits<float>::quiet_NaN();
  }
}

/// dx of two channels exchanged.
void swaps_channels(const Spoiling& s) {
  Tensor* dx = s.output(Output::dx);
  if (dx == nullptr || dx->bytes.empty() || dx->shape[1] < 2) return;
  const Geometry geometry(dx->shape);
  const std::vector<std::size_t> first = geometry.elements(0);
  const std::vector<std::size_t> second = geometry.elements(1);
  for (std::size_t k = 0; k < first.size(); ++k) std::swap(dx->floats()[first[k]], dx->floats()[second[k]]);
}

void favours_the_first_sample(const Spoiling& s) {
  Tensor* dx = s.output(Output::dx);
  if (dx == nullptr || dx->bytes.empty()) return;
  const std::size_t row = dx->size() / static_cast<std::size_t>(dx->shape[0]);
  for (float& v : dx->floats().first(row)) v *= 1.0001f;
}

void treats_rows_differently(const Spoiling& s) {
  if (s.forward().x.shape.size() == 2) each(s, [](float v) { return v * 1.0001f; });
}

void divides_zero_by_zero(const Spoiling& s) {
  if (!s.forward().x.bytes.empty()) return;
  each(s, Output::dweight, [](float) { return std::numeric_limits<float>::quiet_NaN(); });
  each(s, Output::dbias, [](float) { return std::numeric_limits<float>::quiet_NaN(); });
  if (Tensor* dx = s.output(Output::dx)) dx->shape = {0};
}

void forgets_the_state(const Spoiling& s) {
  if (s.reply.state.weight) s.reply.state.weight->floats()[0] += 1;
}

Spoil accepts(ErrorKind kind) {
  return [=](const Spoiling& s) {
    const auto* failure = std::get_if<Failure>(&s.reply.result);
    if (failure == nullptr || failure->kind != kind) return;
    s.reply.result = Values{{{Output::dx, s.backward().dy}}};
  };
}

}  // namespace

std::vector<Spoiler> gradient_spoilers() {
  constexpr Spoils backward = Spoils::backward;
  const auto off = [](float factor) {
    return [=](const Spoiling& s) { each(s, [=](float v) { return v * factor; }); };
  };
  const auto hides_non_finite = [](const Spoiling& s) {
    each(s, [](float v) { return std::isfinite(v) ? v : 0.0f; });
  };
  const auto negative_zeros = [](const Spoiling& s) { each(s, [](float v) { return v == 0 ? -0.0f : v; }); };
  return {
      {"running sums in float", {"backward_long_sums", "backward_long_shards_add"}, sums_in_float, backward},
      {"gradients off by 3e-6", {"backward_matches_oracle"}, off(1 + 3e-6f), backward},
      {"gradient changes the weight", {"backward_matches_oracle"}, forgets_the_state, backward},
      {"gradient overflows in squares",
       {"backward_extreme_range", "backward_scaling"},
       overflows_in_squares,
       backward},
      {"gradient hides NaN", {"backward_non_finite_rule"}, hides_non_finite, backward},
      {"gradient with negative zeros", {"backward_canonical_zero_and_nan"}, negative_zeros, backward},
      {"no mean of dy",
       {"backward_matches_oracle", "backward_sums_to_zero", "backward_of_constant",
        "backward_directional_derivative"},
       dx_is(without_mean),
       backward},
      {"no projection",
       {"backward_matches_oracle", "backward_eps_identity", "backward_directional_derivative"},
       dx_is(without_projection),
       backward},
      {"no gamma in dx",
       {"backward_matches_oracle", "backward_directional_derivative"},
       dx_is(without_gamma),
       backward},
      {"no eps in the projection",
       {"backward_eps_identity", "backward_matches_oracle"},
       dx_is(without_eps_in_projection),
       backward},
      {"uncentred projection",
       {"backward_shift_invariance", "backward_matches_oracle"},
       dx_is(with_uncentred_projection),
       backward},
      {"running statistics in a training gradient",
       {"backward_matches_oracle", "backward_sums_to_zero", "backward_of_constant"},
       dx_is(with_running_statistics),
       backward},
      {"batch statistics in an inference gradient",
       {"backward_inference_elementwise", "backward_matches_oracle"},
       dx_is(right_dx, false),
       backward},
      {"gradient clipped", {"backward_linear", "backward_matches_oracle"}, dx_is(clipped), backward},
      {"sums averaged", {"backward_shards_add", "backward_matches_oracle"}, averages_sums, backward},
      {"dy in the layout of x",
       {"backward_layouts_agree", "backward_matches_oracle"},
       reads_dy_like_x,
       backward},
      {"gradient differs in place", {"backward_in_place_agrees"}, differs_in_place, backward},
      {"a gradient's bit now and then", {"backward_determinism"}, flips_a_bit_now_and_then, backward},
      {"gradient minds the environment",
       {"backward_environment_ignored", "backward_thread_counts"},
       minds_rounding_and_threads,
       backward},
      {"gradients of channels swapped",
       {"backward_channel_independence", "backward_matches_oracle"},
       swaps_channels,
       backward},
      {"first sample's gradient favoured",
       {"backward_batch_permutation", "backward_matches_oracle"},
       favours_the_first_sample,
       backward},
      {"gradients of rows differ",
       {"backward_sequence_reshape", "backward_matches_oracle"},
       treats_rows_differently,
       backward},
      {"dx needs dgamma", {"backward_wanted_alone"}, needs_the_others, backward},
      {"NaN leaks in the gradient", {"backward_confined"}, leaks_nan_to_the_next_channel, backward},
      {"gradient of nothing is NaN", {"backward_empty_batch"}, divides_zero_by_zero, backward},
      {"gradient without a forward",
       {"backward_no_forward_rejected"},
       accepts(ErrorKind::no_forward),
       backward},
      {"takes any dy", {"backward_shape_rejected"}, accepts(ErrorKind::length), backward},
      {"gradient takes overlaps", {"backward_alias_rejected"}, accepts(ErrorKind::alias), backward},
  };
}

}  // namespace bncheck::test
