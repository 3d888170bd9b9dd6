#include "search/smaller.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "search/smaller_steps.hpp"

namespace bncheck {

std::vector<State*> states_of(Case& c) {
  std::vector<State*> states{&c.state};
  for (Call& call : c.calls) {
    if (auto* load = std::get_if<Load>(&call.operation)) states.push_back(&load->state);
  }
  return states;
}

std::vector<std::size_t> shaped_like(const Case& c, std::size_t k) {
  std::vector<std::size_t> all{k};
  const auto* forward = std::get_if<Forward>(&c.calls[k].operation);
  if (forward == nullptr) return all;
  for (std::size_t i = k + 1; i < c.calls.size(); ++i) {
    if (std::holds_alternative<Forward>(c.calls[i].operation)) break;
    const auto* backward = std::get_if<Backward>(&c.calls[i].operation);
    if (backward != nullptr && backward->dy.shape == forward->x.shape) all.push_back(i);
  }
  return all;
}

namespace {

/// Whether the call is a gradient that takes its shape from its forward call, so that it has no step of its
/// own.
bool follows(const Case& c, std::size_t k) {
  if (!std::holds_alternative<Backward>(c.calls[k].operation)) return false;
  for (std::size_t i = k; i-- > 0;) {
    if (!std::holds_alternative<Forward>(c.calls[i].operation)) continue;
    const std::vector<std::size_t> all = shaped_like(c, i);
    return std::ranges::find(all, k) != all.end();
  }
  return false;
}

using KeptIndices = std::function<bool(std::int64_t)>;

/// The tensor with each index of one dimension repeated `copies(index)` times.
Tensor with_indices(const Tensor& x, std::size_t dimension, const std::function<int(std::int64_t)>& copies) {
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t k = 0; k < dimension; ++k) outer *= x.shape[k];
  for (std::size_t k = dimension + 1; k < x.shape.size(); ++k) inner *= x.shape[k];
  Tensor result{x.dtype, x.shape, {}};
  const std::int64_t size = x.shape[dimension];
  result.shape[dimension] = 0;
  for (std::int64_t j = 0; j < size; ++j) result.shape[dimension] += copies(j);
  const std::size_t bytes = static_cast<std::size_t>(inner) * size_of(x.dtype);
  for (std::int64_t i = 0; i < outer; ++i) {
    for (std::int64_t j = 0; j < size; ++j) {
      const std::byte* from = x.bytes.data() + static_cast<std::size_t>(i * size + j) * bytes;
      for (int k = 0; k < copies(j); ++k) result.bytes.insert(result.bytes.end(), from, from + bytes);
    }
  }
  return result;
}

/// The tensor with some indices of one dimension only.
Tensor without_indices(const Tensor& x, std::size_t dimension, const KeptIndices& keep) {
  return with_indices(x, dimension, [&](std::int64_t j) { return keep(j) ? 1 : 0; });
}

/// Largest number of indices of a dimension that are kept or dropped one by one.
constexpr std::int64_t single_indices = 16;

/// Choices of indices to keep out of `size`, the fewest first: the first one, another one, the first 2, 4, 8;
/// halves; all but the last quarter, eighth, ...; all but one vector, which keeps the tail of a vectorised
/// loop; all but one.
std::vector<KeptIndices> cuts(std::int64_t size) {
  std::vector<KeptIndices> all;
  const auto keep = [&](KeptIndices kept) { all.push_back(std::move(kept)); };
  const std::int64_t single = std::min(size, single_indices);
  for (const std::int64_t first : {1, 2, 4, 8}) {
    if (first < size) keep([=](std::int64_t i) { return i < first; });
    if (first > 1) continue;
    for (std::int64_t only = 1; only < single; ++only) keep([=](std::int64_t i) { return i == only; });
    if (size > single) keep([=](std::int64_t i) { return i == size - 1; });
  }
  if (size > 3) {
    keep([=](std::int64_t i) { return i < size / 2; });
    keep([=](std::int64_t i) { return i >= size / 2; });
  }
  const auto drop_last = [&](std::int64_t count) { keep([=](std::int64_t i) { return i < size - count; }); };
  for (std::int64_t part = size / 4; part > 1; part /= 2) drop_last(part);
  for (const std::int64_t vector : {16, 8}) {
    if (size > vector) drop_last(vector);
  }
  if (size > 2) {
    drop_last(1);
    for (std::int64_t drop = 0; drop < std::min(size - 1, single); ++drop) {
      keep([=](std::int64_t i) { return i != drop; });
    }
  }
  return all;
}

/// Shape of the vectors, written as channels and positions: {C} where there is an element per channel; {C, d, ...}, as in
/// the first input of shape {N, C, d, ...}, where there is one per activation.
Shape shape_of_vectors(const Case& c) {
  const auto with_input =
      std::ranges::find_if(c.calls, [](const Call& call) { return input_of(call) != nullptr; });
  const Shape per_channel{c.config.num_features};
  if (with_input == c.calls.end() || input_of(*with_input)->shape.size() < 3) return per_channel;
  const Shape& input = input_of(*with_input)->shape;
  const Shape per_activation(input.begin() + 1, input.end());
  const std::int64_t length = element_count(per_activation).value_or(0);
  Case copy = c;
  const auto fits = [&](const Tensor* vector) { return vector->shape == Shape{length}; };
  const std::vector<Tensor*> vectors = vectors_of(copy.state);
  const bool fit = length != c.config.num_features && !vectors.empty() && std::ranges::all_of(vectors, fits);
  return fit ? per_activation : per_channel;
}

/// Keeps some indices of one dimension of this shape in every vector that has it.
void keep_in_vectors(Case& c, const Shape& shape, std::size_t dimension, const KeptIndices& keep) {
  const Shape flat{element_count(shape).value_or(0)};
  for (State* state : states_of(c)) {
    for (Tensor* vector : vectors_of(*state)) {
      if (vector->shape != flat || !vector->is_whole()) continue;
      vector->shape = shape;
      *vector = without_indices(*vector, dimension, keep);
      vector->shape = {static_cast<std::int64_t>(vector->size())};
    }
  }
}

/// Keeps some channels in every tensor that has an element or slice for each of them.
void keep_channels(Case& c, const KeptIndices& keep) {
  const std::int64_t channels = c.config.num_features;
  keep_in_vectors(c, shape_of_vectors(c), 0, keep);
  std::int64_t kept = 0;
  for (std::int64_t k = 0; k < channels; ++k) kept += keep(k) ? 1 : 0;
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    if (Tensor* input = input_of(c.calls[k])) {
      if (input->shape.size() > 1 && input->shape[1] == channels) *input = without_indices(*input, 1, keep);
    }
  }
  c.config.num_features = kept;
}

/// Keeps some positions of a layer with vectors of this shape, per activation: in the vectors and in every input.
void keep_positions(Case& c, const Shape& vectors, std::size_t dimension, const KeptIndices& keep) {
  keep_in_vectors(c, vectors, dimension - 1, keep);
  for (Call& call : c.calls) {
    Tensor* input = input_of(call);
    const bool has_them = input != nullptr && input->is_whole() &&
                          input->shape.size() == vectors.size() + 1 &&
                          std::equal(vectors.begin(), vectors.end(), input->shape.begin() + 1);
    if (has_them) *input = without_indices(*input, dimension, keep);
  }
}

/// Steps that drop half of the calls, a quarter, ..., one: calls often depend on each other, so that none can
/// be dropped alone.
void shrink_calls(SmallerSteps& steps) {
  const std::size_t count = steps.base().calls.size();
  for (std::size_t size = count / 2; size > 0; size /= 2) {
    for (std::size_t first = 0; first < count; first += size) {
      const std::size_t last = std::min(first + size, count);
      steps.add([=](Case& c) {
        const auto begin = c.calls.begin();
        c.calls.erase(begin + static_cast<std::ptrdiff_t>(first), begin + static_cast<std::ptrdiff_t>(last));
      });
    }
  }
}

void shrink_channels(SmallerSteps& steps) {
  const std::int64_t channels = steps.base().config.num_features;
  if (channels < 2 || channels > 1 << 20) return;
  for (const KeptIndices& kept : cuts(channels)) {
    steps.add([=](Case& c) { keep_channels(c, kept); });
  }
}

void shrink_dimensions(SmallerSteps& steps) {
  for (std::size_t k = 0; k < steps.base().calls.size(); ++k) {
    Case copy = steps.base();
    const Tensor* input = input_of(copy.calls[k]);
    if (input == nullptr || follows(copy, k)) continue;
    const Shape& shape = input->shape;
    const Shape vectors = shape_of_vectors(copy);
    const std::vector<std::size_t> together = shaped_like(copy, k);
    for (std::size_t dimension = 0; dimension < shape.size(); ++dimension) {
      const std::int64_t size = shape[dimension];
      // The channel dimension changes together with num_features if they agree, and alone if they do not.
      if (size < 2 || (dimension == 1 && size == steps.base().config.num_features)) continue;
      for (const KeptIndices& kept : cuts(size)) {
        steps.add([=](Case& c) {
          if (vectors.size() > 1 && dimension > 1) return keep_positions(c, vectors, dimension, kept);
          for (const std::size_t i : together) {
            *input_of(c.calls[i]) = without_indices(*input_of(c.calls[i]), dimension, kept);
          }
        });
      }
    }
  }
}

/// (N, C, L) as (N·L, C): every value stays in its channel.
Tensor positions_as_samples(const Tensor& x) {
  const auto samples = static_cast<std::size_t>(x.shape[0]);
  const auto channels = static_cast<std::size_t>(x.shape[1]);
  const auto length = static_cast<std::size_t>(x.shape[2]);
  Tensor result{x.dtype, {x.shape[0] * x.shape[2], x.shape[1]}, std::vector<std::byte>(x.bytes.size())};
  const std::size_t width = size_of(x.dtype);
  for (std::size_t n = 0; n < samples; ++n) {
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t i = 0; i < length; ++i) {
        const std::size_t from = (n * channels + c) * length + i;
        const std::size_t to = (n * length + i) * channels + c;
        std::copy_n(x.bytes.begin() + static_cast<std::ptrdiff_t>(from * width), width,
                    result.bytes.begin() + static_cast<std::ptrdiff_t>(to * width));
      }
    }
  }
  return result;
}

/// Steps to a lower rank: (N, C, H, W) as (N, C, H·W), and so on, and at last (N, C, L) as (N·L, C), with the
/// same values.
void shrink_rank(SmallerSteps& steps) {
  Case copy = steps.base();
  const bool needless = copy.config.dimensions > 1;
  bool useful = needless;
  for (std::size_t k = 0; k < copy.calls.size(); ++k) {
    const Tensor* input = input_of(copy.calls[k]);
    useful = useful || (input != nullptr && input->shape.size() == 3 && input->is_whole());
  }
  if (!useful) return;
  steps.add([=](Case& c) {
    if (needless) --c.config.dimensions;
    for (std::size_t k = 0; k < c.calls.size(); ++k) {
      Tensor* input = input_of(c.calls[k]);
      if (input == nullptr || !input->is_whole()) continue;
      if (needless && input->shape.size() > 3) {
        const std::int64_t last = input->shape.back();
        input->shape.pop_back();
        input->shape.back() *= last;
      } else if (!needless && input->shape.size() == 3) {
        *input = positions_as_samples(*input);
      } else {
        continue;
      }
      c.calls[k].exec.x = c.calls[k].exec.y = Placement{};
    }
  });
}

/// Step to one channel with the first few elements, of any channel. A fault that depends on the number of all
/// elements cannot be reached by dropping channels only, or samples only.
void shrink_to_few(SmallerSteps& steps) {
  constexpr std::int64_t few = 8;
  Case copy = steps.base();
  const std::int64_t channels = copy.config.num_features;
  if (channels < 2 || copy.config.dimensions != 1) return;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (std::size_t k = 0; k < copy.calls.size(); ++k) {
    const Tensor* input = input_of(copy.calls[k]);
    if (input == nullptr) continue;
    if (input->shape.size() != 2 || input->shape[1] != channels || !input->is_whole()) return;
    least = std::min(least, static_cast<std::int64_t>(input->size()));
  }
  if (least == std::numeric_limits<std::int64_t>::max()) return;
  for (std::int64_t n = 2; n <= few && n <= least; ++n) {
    steps.add([=](Case& c) {
      for (std::size_t k = 0; k < c.calls.size(); ++k) {
        Tensor* input = input_of(c.calls[k]);
        if (input == nullptr) continue;
        // Its shape does not match the layer any more; the channels of the layer are reduced separately.
        input->shape = {n, 1};
        input->bytes.resize(static_cast<std::size_t>(n) * size_of(input->dtype));
        c.calls[k].exec.x = c.calls[k].exec.y = Placement{};
      }
      keep_channels(c, [](std::int64_t channel) { return channel == 0; });
    });
  }
}

void shrink_exec(SmallerSteps& steps) {
  for (std::size_t k = 0; k < steps.base().calls.size(); ++k) {
    const Exec& exec = steps.base().calls[k].exec;
    const auto edit = [&](bool useful, void (*change)(Exec&)) {
      if (useful) steps.add([=](Case& c) { change(c.calls[k].exec); });
    };
    const Exec plain;
    edit(!(exec == plain), [](Exec& e) { e = Exec{}; });
    edit(exec.overlap == Overlap::in_place, [](Exec& e) { e.overlap = Overlap::none; });
    edit(!(exec.x == plain.x), [](Exec& e) { e.x = Placement{}; });
    edit(!(exec.y == plain.y), [](Exec& e) { e.y = Placement{}; });
    edit(!exec.x.gaps.empty(), [](Exec& e) { e.x.gaps.clear(); });
    edit(!exec.y.gaps.empty(), [](Exec& e) { e.y.gaps.clear(); });
    edit(exec.x.offset != 0, [](Exec& e) { e.x.offset = 0; });
    edit(exec.y.offset != 0, [](Exec& e) { e.y.offset = 0; });
    edit(exec.threads != 0, [](Exec& e) { e.threads = 0; });
    edit(exec.rounding != Rounding::nearest, [](Exec& e) { e.rounding = Rounding::nearest; });
    edit(exec.flush_to_zero, [](Exec& e) { e.flush_to_zero = false; });
  }
}

/// Steps that replace a momentum by the usual one; an invalid one stays.
void shrink_momenta(SmallerSteps& steps) {
  const Case& base = steps.base();
  for (std::size_t k = 0; k < base.calls.size(); ++k) {
    const auto* set = std::get_if<SetMomentum>(&base.calls[k].operation);
    if (set == nullptr || set->momentum == 0.1 || !std::isfinite(set->momentum.value_or(0))) continue;
    steps.add([k](Case& c) { std::get<SetMomentum>(c.calls[k].operation).momentum = 0.1; });
  }
}

void shrink_options(SmallerSteps& steps) {
  const Case& base = steps.base();
  if (base.config.has_parameters()) {
    steps.add([](Case& c) {
      c.config.set_affine(false);
      for (State* state : states_of(c)) state->weight = state->bias = std::nullopt;
    });
  }
  if (base.config.weight && base.config.bias) {
    steps.add([](Case& c) {
      c.config.bias = false;
      for (State* state : states_of(c)) state->bias.reset();
    });
    steps.add([](Case& c) {
      c.config.weight = false;
      for (State* state : states_of(c)) state->weight.reset();
    });
  }
  if (base.config.track_running_stats) {
    steps.add([](Case& c) {
      c.config.track_running_stats = false;
      for (State* state : states_of(c)) {
        state->running_mean = state->running_var = state->running_weight = std::nullopt;
        state->num_batches_tracked = 0;
      }
    });
  }
  if (base.config.eps != 1e-5 && base.config.eps != 1) {
    steps.add([](Case& c) { c.config.eps = 1e-5; });
    steps.add([](Case& c) { c.config.eps = 1; });
  }
  if (base.config.momentum != 0.1) steps.add([](Case& c) { c.config.momentum = 0.1; });
  Case copy = base;
  const std::vector<State*> states = states_of(copy);
  for (std::size_t k = 0; k < states.size(); ++k) {
    if (states[k]->num_batches_tracked > 0) {
      steps.add([k](Case& c) { states_of(c)[k]->num_batches_tracked = 0; });
    }
  }
  shrink_momenta(steps);
}

/// Steps that request fewer outputs of a backward call.
void shrink_wishes(SmallerSteps& steps) {
  for (std::size_t k = 0; k < steps.base().calls.size(); ++k) {
    const auto* backward = std::get_if<Backward>(&steps.base().calls[k].operation);
    if (backward == nullptr) continue;
    const auto edit = [&](bool useful, void (*change)(Backward&)) {
      if (useful) steps.add([=](Case& c) { change(std::get<Backward>(c.calls[k].operation)); });
    };
    const int wanted = backward->want_dx + backward->want_dweight + backward->want_dbias;
    edit(backward->want_dbias && wanted > 1, [](Backward& b) { b.want_dbias = false; });
    edit(backward->want_dweight && wanted > 1, [](Backward& b) { b.want_dweight = false; });
    edit(backward->want_dx && wanted > 1, [](Backward& b) { b.want_dx = false; });
    edit(backward->training.has_value(), [](Backward& b) { b.training.reset(); });
  }
}

}  // namespace

Tensor with_index_repeated(const Tensor& x, std::size_t dimension, std::int64_t index) {
  return with_indices(x, dimension, [=](std::int64_t j) { return j == index ? 2 : 1; });
}

std::vector<std::function<Case()>> smaller(const Case& c) {
  SmallerSteps steps(c);
  shrink_calls(steps);
  shrink_channels(steps);
  shrink_dimensions(steps);
  shrink_rank(steps);
  shrink_to_few(steps);
  shrink_exec(steps);
  shrink_options(steps);
  shrink_wishes(steps);
  shrink_values(steps);
  return steps.take();
}

}  // namespace bncheck
