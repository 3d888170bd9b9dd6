#include <algorithm>
#include <cmath>
#include <limits>

#include "edits.hpp"

namespace bncheck::fuzz {
namespace {

void change_shape(Draws& draws, Tensor& x) {
  Shape shape = x.shape;
  switch (draws.below(4)) {
    case 0:
      if (shape.size() > 1) shape[1] += draws.pick<std::int64_t>({-1, 1, 7});
      break;
    case 1:
      if (!shape.empty() && draws.chance(1, 2)) {
        shape.pop_back();
      } else {
        shape.push_back(draws.between(1, 2));
      }
      break;
    case 2:
      for (std::size_t k = 0; k < shape.size(); ++k) {
        if (k != 1) shape[k] = 1;
      }
      break;
    default:
      if (!shape.empty()) shape[static_cast<std::size_t>(draws.below(shape.size()))] = 0;
      break;
  }
  x = with_shape(x, std::move(shape));
}

void change_length(Draws& draws, State& state) {
  if (vectors_of(state).empty() || draws.chance(1, 8)) {
    state.bias = Tensor::filled({draws.between(0, 3)}, 0);
    return;
  }
  std::vector<std::optional<Tensor> State::*> present;
  for (const auto& [name, member] : vector_tensors) {
    if (state.*member) present.push_back(member);
  }
  std::optional<Tensor>& victim = state.*draws.pick_from(present);
  if (draws.chance(1, 6)) {
    victim.reset();
    return;
  }
  const auto length = static_cast<std::int64_t>(victim->size());
  victim = with_shape(
      *victim,
      {draws.pick({length + 1, std::max<std::int64_t>(length - 1, 0), 2 * length, std::int64_t{0}})});
}

void change_scalars(Draws& draws, Case& c) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  switch (draws.below(4)) {
    case 0:
      c.config.eps = draws.pick({0.0, -0.0, -1e-5, 0x1p-127, 0x1p-126, 0x1p127, 0x1.0000000000001p127,
                                 0x1p128, 0x1p-1074, inf, -inf, std::nan("")});
      break;
    case 1:
      c.config.momentum = draws.pick({inf, -inf, std::nan(""), std::numeric_limits<double>::max()});
      break;
    case 2:
      if (c.config.track_running_stats)
        c.state.num_batches_tracked = draws.pick<std::int64_t>({-1, 0, INT64_MIN, INT64_MAX, INT64_MAX - 1});
      break;
    default:
      c.config.num_features = draws.pick<std::int64_t>(
          {0, -1, c.config.num_features + 1, std::max<std::int64_t>(c.config.num_features - 1, 1)});
      break;
  }
}

/// Changes the shape of x or dy, if no placement prevents it.
void change_input(Draws& draws, Call& call) {
  change_shape(draws, *input_of(call));
  call.exec.x = call.exec.y = Placement{};
}

void damage_gradient(Draws& draws, Case& c, std::size_t k) {
  const std::vector<Gradient> gradients = gradients_of(c);
  const auto found = std::ranges::find_if(gradients, [&](const Gradient& g) { return g.backward == k; });
  const auto at = [&](std::size_t call) { return c.calls.begin() + static_cast<std::ptrdiff_t>(call); };
  switch (draws.below(6)) {
    case 0:
      if (found != gradients.end()) c.calls.erase(at(found->forward));
      break;
    case 1:
      if (found != gradients.end()) change_input(draws, c.calls[found->forward]);
      break;
    case 2:
      c.calls.insert(at(k), Call{Load{c.state}, {}});
      break;
    case 3:
      if (found != gradients.end())
        std::get<Backward>(c.calls[k].operation).training = !forward_at(c, found->forward).training;
      break;
    case 4:
      std::get<Backward>(c.calls[k].operation).want_dx = true;
      c.calls[k].exec.overlap =
          draws.pick({Overlap::shifted, Overlap::y_itself, Overlap::dx_and_x, Overlap::y_and_weight,
                      Overlap::y_and_running_mean, Overlap::y_and_running_var});
      break;
    default:
      change_input(draws, c.calls[k]);
      break;
  }
}

}  // namespace

void damage(Draws& draws, Case& c) {
  if (const std::vector<std::size_t> gradients = backward_calls(c); !gradients.empty()) {
    if (draws.chance(3, 4)) return damage_gradient(draws, c, gradients.back());
  }
  const std::vector<std::size_t> calls = forward_calls(c);
  if (calls.empty()) return;
  const std::size_t k = draws.pick_from(calls);
  Exec& exec = c.calls[k].exec;
  switch (draws.below(5)) {
    case 0:
      change_length(draws, c.state);
      break;
    case 1:
      change_scalars(draws, c);
      break;
    case 2:
      exec.overlap =
          draws.pick({Overlap::shifted, Overlap::y_itself, Overlap::y_and_weight, Overlap::y_and_running_mean,
                      Overlap::y_and_running_var, Overlap::running_mean_and_var});
      break;
    default:
      change_input(draws, c.calls[k]);
      break;
  }
}

}  // namespace bncheck::fuzz
