#include <cmath>

#include "edits.hpp"
#include "generate/cases.hpp"

namespace bncheck::fuzz {
namespace {

double new_eps(Draws& draws, double eps) {
  switch (draws.below(4)) {
    case 0:
      return draws.pick({1e-5, 1e-3, 1.0, 1e-12, 0x1p-126, 0x1p127, 0x1p-60});
    case 1:
      return std::ldexp(1.0, static_cast<int>(draws.between(-126, 127)));
    default:
      return std::nextafter(eps, draws.chance(1, 2) ? 1e300 : 0.0);
  }
}

std::optional<double> new_momentum(Draws& draws) {
  if (draws.chance(1, 6)) return std::nullopt;
  return draws.pick({0.0, 1.0, 0.1, 0.5, -0.25, 2.0, 1e-300, 1e30, 0x1.fffffffffffffp-1});
}

/// Switches the weight, the bias or both, and adds or removes their tensors.
void toggle_parameters(Draws& draws, Case& c) {
  const std::uint64_t which = draws.below(4);
  if (which != 0) c.config.weight = !c.config.weight;
  if (which != 1) c.config.bias = !c.config.bias;
  const State fresh = fresh_state(c.config);
  if (which != 0) c.state.weight = fresh.weight;
  if (which != 1) c.state.bias = fresh.bias;
}
void toggle_tracking(Case& c) {
  c.config.track_running_stats = !c.config.track_running_stats;
  const State fresh = fresh_state(c.config);
  c.state.running_mean = fresh.running_mean;
  c.state.running_var = fresh.running_var;
  c.state.num_batches_tracked = 0;
}

Call redrawn(Draws& draws, const Capabilities& can, const Call& call) {
  Call result = call;
  auto& forward = std::get<Forward>(result.operation);
  const Shape& shape = forward.x.shape;
  if (shape.size() >= 2) forward.x = draw_input(draws, shape, {});
  result.exec = draw_exec(draws, can, shape.size());
  return result;
}

}  // namespace

void edit_options(Draws& draws, Case& c) {
  const std::vector<std::size_t> calls = forward_calls(c);
  switch (draws.below(6)) {
    case 0:
      c.config.eps = new_eps(draws, c.config.eps);
      break;
    case 1:
      c.config.momentum = new_momentum(draws);
      break;
    case 2:
      toggle_parameters(draws, c);
      break;
    case 3:
      toggle_tracking(c);
      break;
    case 4:
      if (!c.config.track_running_stats) break;
      c.state.num_batches_tracked =
          draws.pick<std::int64_t>({0, 1, 2, 999, (std::int64_t{1} << 53) + 1, INT64_MAX - 1});
      break;
    default:
      if (!calls.empty()) switch_mode(c, draws.pick_from(calls));
      break;
  }
}

void edit_exec(Draws& draws, Case& c, const Capabilities& can) {
  std::vector<Call*> calls;
  for (Call& call : c.calls) {
    if (input_of(call) != nullptr) calls.push_back(&call);
  }
  if (calls.empty()) return;
  Call& call = *draws.pick_from(calls);
  Exec& exec = call.exec;
  const std::size_t rank = input_of(call)->shape.size();
  switch (draws.below(6)) {
    case 0:
      exec.x = draw_placement(draws, rank);
      break;
    case 1:
      exec.y = draw_placement(draws, rank);
      break;
    case 2:
      exec.overlap = exec.overlap == Overlap::in_place ? Overlap::none : Overlap::in_place;
      break;
    case 3:
      exec.rounding = draws.pick({Rounding::down, Rounding::up, Rounding::zero, Rounding::nearest});
      exec.flush_to_zero = draws.chance(1, 2);
      break;
    case 4:
      exec.x = exec.y = Placement{};
      break;
    default:
      exec = draw_exec(draws, can, rank);
      break;
  }
  if (exec.overlap == Overlap::in_place) exec.y = exec.x;
}

void edit_calls(Draws& draws, Case& c, const Capabilities& can) {
  const std::vector<std::size_t> forwards = forward_calls(c);
  if (forwards.empty()) return;
  const std::size_t k = draws.pick_from(forwards);
  const auto at = c.calls.begin() + static_cast<std::ptrdiff_t>(k);
  // In half of the draws, a case with several calls loses one of its forward calls. Most laws apply to single
  // calls, which longer sequences must not displace.
  if (c.calls.size() > 1 && draws.chance(1, 2)) {
    c.calls.erase(at);
    return;
  }
  switch (draws.below(6)) {
    case 0:
      c.calls.insert(at, Call{SetMomentum{new_momentum(draws)}, {}});
      break;
    case 1:
      c.calls.insert(at, Call{Load{fresh_state(c.config)}, {}});
      break;
    case 2: {
      const Call copy = c.calls[k];
      c.calls.push_back(copy);
      break;
    }
    case 3:
      std::swap(c.calls[k], c.calls.back());
      break;
    default: {
      Call next = redrawn(draws, can, c.calls[k]);
      c.calls.push_back(std::move(next));
      break;
    }
  }
}

namespace {

/// Shortens the case. If it has several gradients, removes the Backward of one in half of the draws.
/// Otherwise keeps only one forward call and its gradient.
void shorten(Draws& draws, Case& c, const std::vector<Gradient>& gradients) {
  const auto& [forward, backward] = draws.pick_from(gradients);
  if (gradients.size() > 1 && draws.chance(1, 2)) {
    c.calls.erase(c.calls.begin() + static_cast<std::ptrdiff_t>(backward));
  } else {
    c.calls = {Call(c.calls[forward]), Call(c.calls[backward])};
  }
}

}  // namespace

void edit_gradient_calls(Draws& draws, Case& c, const Capabilities& can) {
  const std::vector<Gradient> gradients = gradients_of(c);
  if (gradients.empty()) {
    append_gradient(draws, c, can);
    return;
  }
  // In half of the draws, a case with more than two calls is shortened. Most laws apply to a forward call
  // with its gradient, which longer sequences must not displace.
  if (c.calls.size() > 2 && draws.chance(1, 2)) {
    shorten(draws, c, gradients);
    return;
  }
  const auto& [forward, backward] = draws.pick_from(gradients);
  const auto at = [&](std::size_t k) { return c.calls.begin() + static_cast<std::ptrdiff_t>(k); };
  switch (draws.below(6)) {
    case 0:
      c.calls.insert(at(backward), Call(c.calls[backward]));
      break;
    case 1:
      c.calls.insert(at(backward), Call{SetMomentum{new_momentum(draws)}, {}});
      break;
    case 2:
      c.calls.insert(at(forward), Call{Load{fresh_state(c.config)}, {}});
      break;
    case 3:
      c.calls.push_back(redrawn(draws, can, c.calls[forward]));
      append_gradient(draws, c, can);
      break;
    case 4: {
      const Call again = c.calls[forward];
      c.calls.push_back(again);
      if (draws.chance(1, 2)) switch_mode(c, c.calls.size() - 1);
      append_gradient(draws, c, can);
      break;
    }
    default:
      append_gradient(draws, c, can);
      break;
  }
}

}  // namespace bncheck::fuzz
