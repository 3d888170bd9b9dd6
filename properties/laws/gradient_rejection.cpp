/// Laws about the rejection of backward calls.

#include <algorithm>

#include "generate/gradients.hpp"
#include "laws/catalogue.hpp"
#include "laws/rejected.hpp"

namespace bncheck {
namespace {

Case draw_plain(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.any_exec = false;
  wish.shape.max_elements = 120;
  wish.affine = can.without_affine && draws.chance(1, 8) ? false : true;
  return draw_gradient_case(draws, can, wish);
}

Forward& forward_of(Case& c) {
  return std::get<Forward>(c.calls[0].operation);
}
Backward& backward_of(Case& c) {
  return std::get<Backward>(c.calls.back().operation);
}

// ---- no forward

/// Backward call without a valid forward call: without any, after one that failed, in the other mode, or
/// after a Load.
Case draw_no_forward(Draws& draws, const Capabilities& can) {
  Case c = draw_plain(draws, can);
  Tensor& x = forward_of(c).x;
  switch (draws.below(can.settable ? 4 : 3)) {
    case 0:
      backward_of(c).training.reset();
      c.calls.erase(c.calls.begin());
      break;
    case 1: {
      Shape shape = x.shape;
      shape[1] += can.channel_multiple;
      x = reshaped(x, shape);
      break;
    }
    case 2:
      backward_of(c).training = !forward_of(c).training;
      break;
    default:
      c.calls.insert(c.calls.begin() + 1, Call{Load{c.state}, {}});
      break;
  }
  return c;
}
std::optional<Case> twin_no_forward(const Case& c) {
  const auto* backward = std::get_if<Backward>(&c.calls.back().operation);
  if (backward == nullptr) return std::nullopt;
  Case twin = c;
  const auto* forward = std::get_if<Forward>(&c.calls[0].operation);
  const bool training = forward != nullptr ? forward->training : backward->training.value_or(true);
  twin.calls = {Call{Forward{training, reshaped({backward->dy.dtype, {0}, {}}, backward->dy.shape)}, {}},
                c.calls.back()};
  backward_of(twin).training.reset();
  return twin;
}
// ---- shape

/// Another shape, whose number of channels is a multiple of `step` if it was one.
Shape other_shape(Draws& draws, Shape shape, std::int64_t step) {
  const std::size_t rank = shape.size();
  switch (draws.below(5)) {
    case 0:
      shape[1] = draws.pick({shape[1] + step, 2 * shape[1], shape[1] + 7 * step});
      break;
    case 1:
      shape[0] += draws.between(1, 3);
      break;
    case 2:
      // A single value, which could be broadcast, or the right number of values in one dimension.
      shape = draws.chance(1, 2) ? Shape(rank, 1) : Shape{*element_count(shape)};
      break;
    case 3:
      std::swap(shape[0], shape[rank - 1]);
      break;
    default:
      shape.push_back(1);
      break;
  }
  return shape;
}
Case draw_shape_mismatch(Draws& draws, const Capabilities& can) {
  Case c = draw_plain(draws, can);
  const Shape right = forward_of(c).x.shape;
  Shape wrong = right;
  while (wrong == right) wrong = other_shape(draws, right, can.channel_multiple);
  backward_of(c).dy = reshaped(backward_of(c).dy, wrong);
  return c;
}
std::optional<Case> twin_shape(const Case& c) {
  Case twin = c;
  if (c.calls.size() != 2 || !std::holds_alternative<Forward>(c.calls[0].operation) ||
      !std::holds_alternative<Backward>(c.calls[1].operation)) {
    return std::nullopt;
  }
  backward_of(twin).dy = reshaped(backward_of(twin).dy, forward_of(twin).x.shape);
  twin.calls[1].exec = Exec{};
  return twin;
}

// ---- aliasing

Case draw_alias(Draws& draws, const Capabilities& can) {
  Case c = draw_plain(draws, can);
  while (!c.config.weight || !c.config.track_running_stats) c = draw_plain(draws, can);
  backward_of(c).want_dx = true;
  Exec& exec = c.calls[1].exec;
  exec.overlap = draws.pick({Overlap::shifted, Overlap::y_itself, Overlap::dx_and_x});
  if (can.caller_state && draws.chance(1, 2)) {
    exec.overlap =
        draws.pick({Overlap::y_and_weight, Overlap::y_and_running_mean, Overlap::y_and_running_var});
    // With batch statistics the call does not read the running ones, so dx may share their memory.
    forward_of(c).training = exec.overlap == Overlap::y_and_weight && forward_of(c).training;
    backward_of(c).training.reset();
  }
  return c;
}
std::optional<Case> twin_alias(const Case& c) {
  Case twin = c;
  twin.calls.back().exec.overlap = Overlap::none;
  return twin;
}
}  // namespace

std::vector<Law> gradient_rejection_laws() {
  return {
      rejection(
          "backward_no_forward_rejected",
          "A gradient without a forward call that succeeded, in that mode and with that state, is an error.",
          ErrorKind::no_forward, draw_no_forward, twin_no_forward, {Need::backward, Need::remembers_forward}),
      rejection("backward_shape_rejected", "dy of another shape than x is an error.", ErrorKind::length,
                draw_shape_mismatch, twin_shape, {Need::backward}),
      rejection("backward_alias_rejected",
                "dx may be dy; every other overlap of dx with dy, x, itself or a parameter is an error.",
                ErrorKind::alias, draw_alias, twin_alias, {Need::backward, Need::caller_output}),
  };
}

}  // namespace bncheck
