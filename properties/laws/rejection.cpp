/// Laws about the rejection of forward calls, settings and loaded states.

#include <algorithm>
#include <cmath>
#include <limits>

#include "bncheck/elements.hpp"

#include "laws/catalogue.hpp"
#include "laws/rejected.hpp"

namespace bncheck {
namespace {

Forward& forward_of(Case& c) {
  return std::get<Forward>(c.calls[0].operation);
}

Case draw_plain(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.shape.max_elements = 120;
  Case c = draw_case(draws, can, wish);
  c.calls[0].exec.x = c.calls[0].exec.y = Placement{};
  return c;
}

// ---- buffers

Tensor resized(const Tensor& tensor, std::int64_t length) {
  Tensor result = filled_with(tensor.dtype, {length}, 1);
  const std::size_t bytes = std::min(result.bytes.size(), tensor.bytes.size());
  std::copy_n(tensor.bytes.begin(), bytes, result.bytes.begin());
  return result;
}

// ---- channels

/// The case with num_features = 0, and with buffers and an x that fit it.
Case without_channels(Case c) {
  c.config.num_features = 0;
  for (Tensor* vector : vectors_of(c.state)) *vector = resized(*vector, 0);
  Shape shape = forward_of(c).x.shape;
  shape[1] = 0;
  forward_of(c).x = reshaped(forward_of(c).x, shape);
  return c;
}

Case draw_channels(Draws& draws, const Capabilities& can) {
  Case c = draw_plain(draws, can);
  Shape shape = forward_of(c).x.shape;
  if (draws.chance(1, 8)) return without_channels(std::move(c));
  const std::int64_t right = shape[1];
  const std::int64_t step = can.channel_multiple;
  while (shape[1] == right)
    shape[1] = draws.pick({right - step, right + step, 2 * right, step, right + 7 * step});
  if (draws.chance(1, 6)) shape[0] = 0;  // an empty batch must be rejected too
  if (shape[1] == 0 && shape[0] == 0) shape[1] = right + step;
  forward_of(c).x = reshaped(forward_of(c).x, shape);
  return c;
}
std::optional<Case> twin_channels(const Case& c) {
  Case twin = c;
  auto* forward = std::get_if<Forward>(&twin.calls[0].operation);
  if (forward == nullptr || forward->x.shape.size() < 2) return std::nullopt;
  if (twin.config.num_features < 1) {
    twin.config.num_features = 1;
    for (Tensor* vector : vectors_of(twin.state)) *vector = resized(*vector, 1);
  }
  Shape shape = forward->x.shape;
  shape[1] = twin.config.num_features;
  forward->x = reshaped(forward->x, shape);
  return twin;
}

// ---- rank

Case draw_rank(Draws& draws, const Capabilities& can) {
  Case c = draw_plain(draws, can);
  const Shape right = forward_of(c).x.shape;
  const int dimensions = c.config.dimensions;
  const auto takes = [&](std::size_t rank) {
    return dimensions == 1 ? rank == 2 || rank == 3 : rank == static_cast<std::size_t>(dimensions) + 2;
  };
  std::size_t rank = right.size();
  while (takes(rank)) rank = static_cast<std::size_t>(draws.below(8));
  Shape shape = right;
  while (shape.size() > rank) shape.pop_back();
  while (shape.size() < rank) shape.push_back(draws.between(1, 2));
  forward_of(c).x = reshaped(forward_of(c).x, shape);
  return c;
}
std::optional<Case> twin_rank(const Case& c) {
  if (only_forward(c) == nullptr || c.config.num_features < 1) return std::nullopt;
  Case twin = c;
  const std::size_t rank = c.config.dimensions == 1 ? 2 : static_cast<std::size_t>(c.config.dimensions) + 2;
  Shape shape(rank, 1);
  shape[0] = 2;
  shape[1] = c.config.num_features;
  forward_of(twin).x = reshaped(forward_of(twin).x, shape);
  twin.calls[0].exec.x = twin.calls[0].exec.y = Placement{};  // a placement fits one rank only
  return twin;
}

// ---- lengths

/// State that the call depends on: the one that it loads, otherwise that of the case.
State& state_in_question(Case& c) {
  auto* load = std::get_if<Load>(&c.calls[0].operation);
  return load != nullptr ? load->state : c.state;
}

/// In half of the cases, if the subject can load a state: replaces the call by a Load of another state into
/// the valid layer.
void load_instead(Draws& draws, const Capabilities& can, Case& c) {
  if (!can.settable || draws.chance(1, 2)) return;
  CaseWish wish;
  wish.track_running_stats = c.config.track_running_stats;
  wish.dtypes = dtypes_in(c);
  c.calls[0] = {Load{draw_state(draws, c.config, can.dialect, wish, forward_of(c).x.shape)}, {}};
}

/// Takes one vector from the state that is loaded, or adds one that the layer does not have.
void miss_or_add_one(Draws& draws, Case& c) {
  const StateTensor& tensor = vector_tensors[draws.below(vector_tensors.size())];
  std::optional<Tensor>& victim = state_in_question(c).*tensor.member;
  if (victim) {
    victim.reset();
  } else {
    victim = filled_with(c.state.running_mean->dtype, c.state.running_mean->shape, 1);
  }
}

Case draw_length(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.shape.max_elements = 120;
  wish.track_running_stats = true;
  Case c = draw_case(draws, can, wish);
  load_instead(draws, can, c);
  if (std::holds_alternative<Load>(c.calls[0].operation) && draws.chance(1, 4)) {
    miss_or_add_one(draws, c);
    return c;
  }
  Tensor& victim = *draws.pick_from(vectors_of(state_in_question(c)));
  const std::int64_t right = victim.shape[0];
  victim = resized(victim, draws.pick({right - 1, right + 1, 2 * right, std::int64_t{0}}));
  return c;
}
std::optional<Case> twin_length(const Case& c) {
  Case twin = c;
  if (auto* load = std::get_if<Load>(&twin.calls[0].operation)) {
    load->state = c.state;
    return twin;
  }
  for (Tensor* vector : vectors_of(twin.state)) *vector = resized(*vector, c.config.num_features);
  return twin;
}

// ---- ε, momentum, counter

Case draw_eps(Draws& draws, const Capabilities& can) {
  Case c = draw_plain(draws, can);
  constexpr double inf = std::numeric_limits<double>::infinity();
  c.config.eps = draws.pick({-1e-5, -0x1p-149, inf, -inf, std::nan(""), 0x1p128, 0x1p-127, 0x1p-1074});
  Config zero = c.config;
  zero.eps = 0;
  if (lacks_eps(zero, can.dialect, Dtype::f32) && draws.chance(1, 5)) {
    c.config.eps = 0;  // an error only with batch statistics
    forward_of(c).training = true;
  }
  return c;
}
std::optional<Case> twin_eps(const Case& c) {
  Case twin = c;
  twin.config.eps = 1e-5;
  return twin;
}
Case draw_momentum(Draws& draws, const Capabilities& can) {
  Case c = draw_plain(draws, can);
  constexpr double inf = std::numeric_limits<double>::infinity();
  const double wrong = draws.pick({inf, -inf, std::nan("")});
  if (can.settable && draws.chance(1, 2)) {
    c.calls[0] = {SetMomentum{wrong}, {}};
  } else {
    c.config.momentum = wrong;
  }
  return c;
}
std::optional<Case> twin_momentum(const Case& c) {
  Case twin = c;
  twin.config.momentum = 0.1;
  if (auto* set = std::get_if<SetMomentum>(&twin.calls[0].operation)) set->momentum = 0.1;
  return twin;
}
Case draw_counter(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = true;
  wish.track_running_stats = true;
  wish.shape.max_elements = 60;
  Case c = draw_case(draws, can, wish);
  load_instead(draws, can, c);
  state_in_question(c).num_batches_tracked =
      draws.pick({std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()});
  return c;
}
std::optional<Case> twin_counter(const Case& c) {
  Case twin = c;
  state_in_question(twin).num_batches_tracked = 0;
  return twin;
}
// ---- one value per channel

Case draw_one_value(Draws& draws, const Capabilities& can) {
  Case c = draw_plain(draws, can);
  Shape shape = forward_of(c).x.shape;
  shape[0] = 1;
  for (std::size_t k = 2; k < shape.size() && can.dialect.axes == Axes::spatial; ++k) shape[k] = 1;
  forward_of(c).x = reshaped(forward_of(c).x, shape);
  if (c.config.track_running_stats) forward_of(c).training = true;
  if (c.config.eps == 0) c.config.eps = 1e-5;
  return c;
}
std::optional<Case> twin_one_value(const Case& c) {
  if (only_forward(c) == nullptr) return std::nullopt;
  Case twin = c;
  Shape shape = forward_of(twin).x.shape;
  if (shape.empty()) return std::nullopt;
  shape[0] = 2;
  forward_of(twin).x = reshaped(forward_of(twin).x, shape);
  return twin;
}
// ---- aliasing

Case draw_alias(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.affine = true;
  wish.track_running_stats = true;
  wish.any_exec = false;
  wish.shape.max_elements = 120;
  Case c = draw_case(draws, can, wish);
  Exec& exec = c.calls[0].exec;
  exec.overlap = draws.pick({Overlap::shifted, Overlap::y_itself});
  if (can.caller_state && draws.chance(2, 3)) {
    exec.overlap = draws.pick({Overlap::y_and_weight, Overlap::y_and_running_mean, Overlap::y_and_running_var,
                               Overlap::running_mean_and_var});
  }
  if (exec.overlap == Overlap::running_mean_and_var) {
    forward_of(c).training = true;
    if (c.config.eps == 0) c.config.eps = 1e-5;
  }
  return c;
}
std::optional<Case> twin_alias(const Case& c) {
  Case twin = c;
  twin.calls[0].exec.overlap = Overlap::none;
  return twin;
}
}  // namespace

std::vector<Law> rejection_laws() {
  return {
      rejection("channel_mismatch_rejected",
                "num_features < 1 or x.size(1) != num_features is an error, for empty x too.",
                ErrorKind::channels, draw_channels, twin_channels),
      rejection("rank_rejected", "An x whose rank the layer does not accept is an error.", ErrorKind::rank,
                draw_rank, twin_rank),
      rejection(
          "length_rejected",
          "Parameters and running statistics must be there as the options say, with num_features elements.",
          ErrorKind::length, draw_length, twin_length),
      rejection("eps_rejected",
                "eps must be 0 or in [2^-126, 2^127], and > 0 where batch statistics are used.",
                ErrorKind::eps, draw_eps, twin_eps),
      rejection("momentum_rejected", "momentum must be finite.", ErrorKind::momentum, draw_momentum,
                twin_momentum),
      rejection("counter_rejected", "num_batches_tracked must not be negative.", ErrorKind::counter,
                draw_counter, twin_counter, {Need::running_statistics}),
      rejection("one_value_rejected", "One value per channel is an error where batch statistics are used.",
                ErrorKind::one_value, draw_one_value, twin_one_value, {Need::one_value_refused}),
      rejection("alias_rejected", "y may be x; every other overlap of a written buffer is an error.",
                ErrorKind::alias, draw_alias, twin_alias, {Need::caller_output}),
  };
}

}  // namespace bncheck
