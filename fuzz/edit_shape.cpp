#include <algorithm>
#include <utility>

#include "edits.hpp"

namespace bncheck::fuzz {
namespace {

/// New size: near the old one, or a size at which vector loops have tails.
std::int64_t new_size(Draws& draws, std::int64_t size) {
  switch (draws.below(4)) {
    case 0:
      return std::max<std::int64_t>(size + draws.pick<std::int64_t>({-1, 1}), 1);
    case 1:
      size = std::int64_t{1} << draws.between(1, 6);
      return size + draws.between(-1, 1);
    case 2:
      return draws.between(1, 3);
    default:
      return std::max<std::int64_t>(draws.chance(1, 2) ? size / 2 : 2 * size, 1);
  }
}

void resize_channels(Case& c, std::int64_t channels) {
  const Shape old{c.config.num_features};
  const auto resize = [&](State& state) {
    for (Tensor* vector : vectors_of(state)) {
      if (vector->shape == old) *vector = with_shape(*vector, {channels});
    }
  };
  resize(c.state);
  for (Call& call : c.calls) {
    if (auto* forward = std::get_if<Forward>(&call.operation)) {
      Shape shape = forward->x.shape;
      if (shape.size() < 2 || shape[1] != c.config.num_features) continue;
      shape[1] = channels;
      forward->x = with_shape(forward->x, std::move(shape));
    } else if (auto* load = std::get_if<Load>(&call.operation)) {
      resize(load->state);
    }
  }
  c.config.num_features = channels;
}

void resize_dimension(Draws& draws, Tensor& x) {
  if (x.shape.empty()) return;
  const auto dimension = static_cast<std::size_t>(draws.below(x.shape.size()));
  if (dimension == 1) return;
  Shape shape = x.shape;
  shape[dimension] = new_size(draws, shape[dimension]);
  x = with_shape(x, std::move(shape));
}

/// Changes (N, C, L) to (N, C, L, 1) with the layer of the next rank, or back; the values stay.
void change_rank(Draws& draws, Case& c) {
  const bool more = c.config.dimensions == 1 || (c.config.dimensions == 2 && draws.chance(1, 2));
  const std::size_t rank = static_cast<std::size_t>(c.config.dimensions) + (more ? 3 : 1);
  c.config.dimensions += more ? 1 : -1;
  for (const std::size_t k : forward_calls(c)) {
    Shape& shape = forward_at(c, k).x.shape;
    while (shape.size() < rank) shape.push_back(1);
    while (shape.size() > rank && shape.size() > 2) {
      const std::int64_t last = shape.back();
      shape.pop_back();
      shape.back() *= last;
    }
    c.calls[k].exec.x = c.calls[k].exec.y = Placement{};
  }
}

}  // namespace

std::vector<std::size_t> forward_calls(const Case& c) {
  std::vector<std::size_t> calls;
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    if (std::holds_alternative<Forward>(c.calls[k].operation)) calls.push_back(k);
  }
  return calls;
}

Forward& forward_at(Case& c, std::size_t call) {
  return std::get<Forward>(c.calls[call].operation);
}

Tensor with_shape(const Tensor& tensor, Shape shape) {
  Tensor result = Tensor::filled(std::move(shape), 1);
  const std::span<const float> from = tensor.floats();
  const std::span<float> to = result.floats();
  for (std::size_t i = 0; !from.empty() && i < to.size(); ++i) to[i] = from[i % from.size()];
  return result;
}

void edit_shape(Draws& draws, Case& c) {
  const std::vector<std::size_t> calls = forward_calls(c);
  const std::vector<Gradient> gradients = gradients_of(c);
  switch (draws.below(6)) {
    case 0:
      resize_channels(c, new_size(draws, std::max<std::int64_t>(c.config.num_features, 1)));
      break;
    case 1:
      change_rank(draws, c);
      break;
    default:
      if (!calls.empty()) resize_dimension(draws, forward_at(c, draws.pick_from(calls)).x);
      break;
  }
  follow_shapes(c, gradients);
}

void grow(Draws& draws, Case& c) {
  const std::vector<std::size_t> calls = forward_calls(c);
  const std::vector<Gradient> gradients = gradients_of(c);
  if (calls.empty()) return;
  const std::size_t call = draws.pick_from(calls);
  Tensor& x = forward_at(c, call).x;
  if (x.bytes.empty() || x.shape.size() < 2) return;
  std::vector<std::size_t> longer;
  for (std::size_t k = 0; k < x.shape.size(); ++k) {
    if (k != 1 && x.shape[k] > 1) longer.push_back(k);
  }
  const std::int64_t tensors = 1 + std::ranges::count(gradients, call, &Gradient::forward);
  const auto elements = tensors * static_cast<std::int64_t>(x.size());
  const std::int64_t factor = draws.between(64, 128) / elements + 1;
  if (longer.empty()) {
    resize_channels(c, std::max<std::int64_t>(c.config.num_features, 1) * factor);
    follow_shapes(c, gradients);
    return;
  }
  Shape shape = x.shape;
  std::int64_t& size = shape[draws.pick_from(longer)];
  size = size * factor + draws.between(-1, 1);
  x = with_shape(x, std::move(shape));
  follow_shapes(c, gradients);
}

}  // namespace bncheck::fuzz
