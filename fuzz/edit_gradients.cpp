#include <algorithm>

#include "edits.hpp"
#include "generate/gradients.hpp"

namespace bncheck::fuzz {
namespace {

/// Whether the tensor has channels with values, as draw_gradient requires.
bool has_channels(const Tensor& x) {
  return x.shape.size() >= 2 && !x.bytes.empty();
}

Backward& backward_at(Case& c, std::size_t call) {
  return std::get<Backward>(c.calls[call].operation);
}

/// A dy drawn anew, with one kind for all channels, or one for each.
Tensor redrawn(Draws& draws, const Tensor& x) {
  CaseWish wish;
  wish.special_values = draws.chance(1, 16);
  std::optional<GradientKind> kind;
  if (draws.chance(3, 4)) kind = draws.pick_from(gradient_kinds());
  return draw_gradient(draws, x, wish, kind);
}

void redraw_channel(Draws& draws, const Tensor& x, Tensor& dy) {
  const Tensor other = redrawn(draws, x);
  const std::int64_t channels = x.shape[1];
  std::int64_t spatial = 1;
  for (std::size_t k = 2; k < x.shape.size(); ++k) spatial *= x.shape[k];
  const auto channel = static_cast<std::int64_t>(draws.below(static_cast<std::uint64_t>(channels)));
  for (std::size_t i = 0; i < dy.size(); ++i) {
    if (static_cast<std::int64_t>(i) / spatial % channels == channel) dy.floats()[i] = other.floats()[i];
  }
}

/// Changes the wanted outputs. All are wanted in 9 of 16 draws (1/2 + 1/2·1/8), because most laws look at dx,
/// some of them only at dx.
void change_wanted(Draws& draws, Backward& backward) {
  const std::uint64_t wanted = draws.chance(1, 2) ? 7 : draws.below(8);
  backward.want_dx = (wanted & 1) != 0;
  backward.want_dweight = (wanted & 2) != 0;
  backward.want_dbias = (wanted & 4) != 0;
}

}  // namespace

std::vector<std::size_t> backward_calls(const Case& c) {
  std::vector<std::size_t> calls;
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    if (std::holds_alternative<Backward>(c.calls[k].operation)) calls.push_back(k);
  }
  return calls;
}

std::vector<Gradient> gradients_of(const Case& c) {
  std::vector<Gradient> gradients;
  std::optional<std::size_t> latest;
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    const Operation& operation = c.calls[k].operation;
    if (std::holds_alternative<Forward>(operation)) latest = k;
    if (!std::holds_alternative<Backward>(operation) || !latest) continue;
    if (input_of(c.calls[k])->shape == input_of(c.calls[*latest])->shape) gradients.push_back({*latest, k});
  }
  return gradients;
}

void follow_shapes(Case& c, const std::vector<Gradient>& gradients) {
  for (const auto& [forward, backward] : gradients) {
    const Shape& shape = forward_at(c, forward).x.shape;
    Tensor& dy = backward_at(c, backward).dy;
    if (dy.shape != shape) dy = with_shape(dy, shape);
  }
}

void switch_mode(Case& c, std::size_t forward_call) {
  bool& training = forward_at(c, forward_call).training;
  for (const auto& [forward, backward] : gradients_of(c)) {
    std::optional<bool>& named = backward_at(c, backward).training;
    if (forward == forward_call && named == training) named = !training;
  }
  training = !training;
}

void edit_gradient(Draws& draws, Case& c) {
  const std::vector<Gradient> gradients = gradients_of(c);
  if (gradients.empty()) return;
  const auto& [forward_call, backward_call] = draws.pick_from(gradients);
  const Forward& forward = forward_at(c, forward_call);
  Backward& backward = backward_at(c, backward_call);
  switch (draws.below(8)) {
    case 0:
      change_wanted(draws, backward);
      break;
    case 1:
      backward.training = backward.training ? std::nullopt : std::optional(forward.training);
      break;
    case 2:
      backward.dy = forward.x;
      break;
    case 3:
    case 4:
      if (has_channels(forward.x)) redraw_channel(draws, forward.x, backward.dy);
      break;
    default:
      if (has_channels(forward.x)) backward.dy = redrawn(draws, forward.x);
      break;
  }
}

void append_gradient(Draws& draws, Case& c, const Capabilities& can) {
  const std::vector<std::size_t> forwards = forward_calls(c);
  if (forwards.empty()) return;
  const Forward& forward = forward_at(c, forwards.back());
  if (!has_channels(forward.x)) return;
  Call call = draw_backward_call(draws, can, forward, {});
  c.calls.push_back(std::move(call));
}

void remove_gradients(Case& c) {
  std::erase_if(c.calls, [](const Call& call) { return std::holds_alternative<Backward>(call.operation); });
}

}  // namespace bncheck::fuzz
