#include "search/smaller.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <optional>
#include <set>

namespace bncheck {

int complexity(float value) {
  if (value == 0) return std::signbit(value) ? 1 : 0;
  if (std::isnan(value)) return 9000;
  if (std::isinf(value)) return 8000 + (value < 0);
  int exponent = 0;
  auto significand = static_cast<std::uint32_t>(std::ldexp(std::frexp(std::fabs(value), &exponent), 24));
  const int bits = 24 - std::countr_zero(significand);
  // 2 for 1, 3 for -1, then by significant bits, and among equally many by distance of the exponent from that
  // of 1, at most 149 and so below half a bit's 320. 24 bits stay below infinity.
  return 2 + (value < 0) + 320 * (bits - 1) + 2 * std::abs(exponent - 1);
}

namespace {

using Step = std::function<Case()>;
using Shared = std::shared_ptr<const Case>;

class Steps {
 public:
  explicit Steps(const Case& c) : base_(std::make_shared<const Case>(c)) {}

  const Case& base() const { return *base_; }
  /// `edit` changes a copy of the case.
  void add(std::function<void(Case&)> edit) {
    steps_.push_back([base = base_, edit = std::move(edit)] {
      Case c = *base;
      edit(c);
      return c;
    });
  }
  std::vector<Step> take() { return std::move(steps_); }

 private:
  Shared base_;
  std::vector<Step> steps_;
};

/// x or dy; null for a call that has neither.
Tensor* input_at(Case& c, std::size_t k) {
  if (auto* forward = std::get_if<Forward>(&c.calls[k].operation)) return &forward->x;
  if (auto* backward = std::get_if<Backward>(&c.calls[k].operation)) return &backward->dy;
  return nullptr;
}

/// The tensors that change their shape with that of call k: itself, and the gradients of a forward call.
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

/// A gradient that follows its forward call's shape and is no step of its own.
bool follows(const Case& c, std::size_t k) {
  if (!std::holds_alternative<Backward>(c.calls[k].operation)) return false;
  for (std::size_t i = k; i-- > 0;) {
    if (!std::holds_alternative<Forward>(c.calls[i].operation)) continue;
    const std::vector<std::size_t> all = shaped_like(c, i);
    return std::ranges::find(all, k) != all.end();
  }
  return false;
}

/// The slice [0, size) of one dimension, or all but one of its indices.
Tensor without_indices(const Tensor& x, std::size_t dimension,
                       const std::function<bool(std::int64_t)>& keep) {
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t k = 0; k < dimension; ++k) outer *= x.shape[k];
  for (std::size_t k = dimension + 1; k < x.shape.size(); ++k) inner *= x.shape[k];
  Tensor result{x.dtype, x.shape, {}};
  const std::int64_t size = x.shape[dimension];
  result.shape[dimension] = 0;
  for (std::int64_t j = 0; j < size; ++j) result.shape[dimension] += keep(j) ? 1 : 0;
  const std::size_t bytes = static_cast<std::size_t>(inner) * size_of(x.dtype);
  for (std::int64_t i = 0; i < outer; ++i) {
    for (std::int64_t j = 0; j < size; ++j) {
      if (!keep(j)) continue;
      const std::byte* from = x.bytes.data() + static_cast<std::size_t>(i * size + j) * bytes;
      result.bytes.insert(result.bytes.end(), from, from + bytes);
    }
  }
  return result;
}

std::vector<std::optional<Tensor>*> per_channel(State& s) {
  return {&s.weight, &s.bias, &s.running_mean, &s.running_var};
}

/// The state at the start, and those that are loaded.
std::vector<State*> states_of(Case& c) {
  std::vector<State*> states{&c.state};
  for (Call& call : c.calls) {
    if (auto* load = std::get_if<Load>(&call.operation)) states.push_back(&load->state);
  }
  return states;
}

/// Keeps some channels, in every tensor that has one element or slice per channel.
void keep_channels(Case& c, const std::function<bool(std::int64_t)>& keep) {
  const std::int64_t channels = c.config.num_features;
  for (State* state : states_of(c)) {
    for (auto* tensor : per_channel(*state)) {
      if (*tensor && (*tensor)->shape == Shape{channels}) **tensor = without_indices(**tensor, 0, keep);
    }
  }
  std::int64_t kept = 0;
  for (std::int64_t k = 0; k < channels; ++k) kept += keep(k) ? 1 : 0;
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    if (Tensor* input = input_at(c, k)) {
      if (input->shape.size() > 1 && input->shape[1] == channels) *input = without_indices(*input, 1, keep);
    }
  }
  c.config.num_features = kept;
}

/// Without half of the calls, a quarter, ..., one: a call often keeps others from going alone.
void shrink_calls(Steps& steps) {
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

void shrink_channels(Steps& steps) {
  const std::int64_t channels = steps.base().config.num_features;
  if (channels < 2 || channels > 1 << 20) return;
  if (channels > 2) {
    steps.add([=](Case& c) { keep_channels(c, [=](std::int64_t k) { return k < channels / 2; }); });
    steps.add([=](Case& c) { keep_channels(c, [=](std::int64_t k) { return k >= channels / 2; }); });
  }
  for (std::int64_t drop = 0; drop < std::min<std::int64_t>(channels, 12); ++drop) {
    steps.add([=](Case& c) { keep_channels(c, [=](std::int64_t k) { return k != drop; }); });
  }
}

void shrink_dimensions(Steps& steps) {
  for (std::size_t k = 0; k < steps.base().calls.size(); ++k) {
    Case copy = steps.base();
    const Tensor* input = input_at(copy, k);
    if (input == nullptr || follows(copy, k)) continue;
    const Shape& shape = input->shape;
    const std::vector<std::size_t> together = shaped_like(copy, k);
    const auto keep = [&](std::size_t dimension, const std::function<bool(std::int64_t)>& wanted) {
      steps.add([=](Case& c) {
        for (const std::size_t i : together) {
          *input_at(c, i) = without_indices(*input_at(c, i), dimension, wanted);
        }
      });
    };
    for (std::size_t dimension = 0; dimension < shape.size(); ++dimension) {
      const std::int64_t size = shape[dimension];
      // The channel dimension follows num_features where they agree, and shrinks alone where they do not.
      if (size < 2 || (dimension == 1 && size == steps.base().config.num_features)) continue;
      if (size > 3) keep(dimension, [=](std::int64_t i) { return i < 2; });
      if (size > 2) {
        keep(dimension, [=](std::int64_t i) { return i < size / 2; });
        keep(dimension, [=](std::int64_t i) { return i >= size / 2; });
      }
      keep(dimension, [=](std::int64_t i) { return i != size - 1; });
      if (size <= 12) {
        for (std::int64_t drop = 0; drop + 1 < size; ++drop)
          keep(dimension, [=](std::int64_t i) { return i != drop; });
      }
    }
  }
}

/// (N, C, H, W) as (N, C, H W), and so on: fewer dimensions, the same values.
void shrink_rank(Steps& steps) {
  const Case& base = steps.base();
  if (base.config.dimensions == 1) return;
  steps.add([](Case& c) {
    --c.config.dimensions;
    for (std::size_t k = 0; k < c.calls.size(); ++k) {
      Tensor* input = input_at(c, k);
      if (input == nullptr || input->shape.size() < 4) continue;
      Shape& shape = input->shape;
      const std::int64_t last = shape.back();
      shape.pop_back();
      shape.back() *= last;
      c.calls[k].exec.x = c.calls[k].exec.y = Placement{};
    }
  });
}

void shrink_exec(Steps& steps) {
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

/// A momentum that is set becomes the usual one; what no layer takes stays.
void shrink_momenta(Steps& steps) {
  const Case& base = steps.base();
  for (std::size_t k = 0; k < base.calls.size(); ++k) {
    const auto* set = std::get_if<SetMomentum>(&base.calls[k].operation);
    if (set == nullptr || set->momentum == 0.1 || !std::isfinite(set->momentum.value_or(0))) continue;
    steps.add([k](Case& c) { std::get<SetMomentum>(c.calls[k].operation).momentum = 0.1; });
  }
}

void shrink_options(Steps& steps) {
  const Case& base = steps.base();
  if (base.config.affine) {
    steps.add([](Case& c) {
      c.config.affine = false;
      for (State* state : states_of(c)) state->weight = state->bias = std::nullopt;
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

/// What a backward call is asked for.
void shrink_wishes(Steps& steps) {
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

/// Simpler floats than `value`, the simplest first.
std::vector<float> simpler(float value) {
  std::vector<float> candidates{0.0f, 1.0f, -1.0f, 2.0f};
  if (std::isfinite(value) && value != 0) {
    candidates.push_back(std::trunc(value));
    int exponent = 0;
    const float fraction = std::frexp(value, &exponent);
    candidates.push_back(std::ldexp(std::copysign(0.5f, value), exponent));
    // Fewer significant bits: half of them, all but two, all but one.
    auto significand = static_cast<std::uint32_t>(std::ldexp(std::fabs(fraction), 24));
    const int bits = 24 - std::countr_zero(significand);
    for (const int keep : {bits / 2, bits - 2, bits - 1}) {
      if (keep < 1) continue;
      significand &= ~((std::uint32_t{1} << (24 - keep)) - 1);
      candidates.push_back(std::copysign(std::ldexp(static_cast<float>(significand), exponent - 24), value));
      significand = static_cast<std::uint32_t>(std::ldexp(std::fabs(fraction), 24));
    }
    // The exponent half-way to that of 1, then by one.
    candidates.push_back(std::ldexp(value, (1 - exponent) / 2));
    candidates.push_back(std::ldexp(value, exponent > 1 ? -1 : 1));
    candidates.push_back(std::fabs(value));
  } else if (std::isinf(value)) {
    candidates.push_back(std::fabs(value));
  }
  std::vector<float> result;
  for (const float candidate : candidates) {
    if (complexity(candidate) < complexity(value) && std::ranges::find(result, candidate) == result.end()) {
      result.push_back(candidate);
    }
  }
  return result;
}

using Access = std::function<Tensor*(Case&)>;

/// All tensors of a case that hold values to simplify.
std::vector<Access> tensors_of(const Case& base) {
  std::vector<Access> all;
  for (std::size_t k = 0; k < base.calls.size(); ++k) {
    Case copy = base;
    if (input_at(copy, k) != nullptr) all.push_back([k](Case& c) { return input_at(c, k); });
  }
  Case copy = base;
  const std::vector<State*> states = states_of(copy);
  for (std::size_t i = 0; i < states.size(); ++i) {
    for (std::size_t k = 0; k < 4; ++k) {
      if (!*per_channel(*states[i])[k]) continue;
      all.push_back([=](Case& c) { return &**per_channel(*states_of(c)[i])[k]; });
    }
  }
  return all;
}

/// Values beyond this many are simplified all at once only.
constexpr std::size_t single_values = 64;

void shrink_values(Steps& steps) {
  const Case& base = steps.base();
  Case copy = base;
  for (const Access& access : tensors_of(base)) {
    const Tensor& tensor = *access(copy);
    if (tensor.dtype != Dtype::f32) continue;
    const std::span<const float> values = tensor.floats();
    std::set<std::uint32_t> distinct;
    for (const float value : values) distinct.insert(std::bit_cast<std::uint32_t>(value));
    // Every occurrence of one value at once: equal values stay equal.
    if (distinct.size() < values.size() && distinct.size() <= single_values) {
      for (const std::uint32_t bits : distinct) {
        for (const float candidate : simpler(std::bit_cast<float>(bits))) {
          steps.add([=](Case& c) {
            for (float& v : access(c)->floats()) {
              if (std::bit_cast<std::uint32_t>(v) == bits) v = candidate;
            }
          });
        }
      }
    }
    const std::size_t count = std::min(values.size(), single_values);
    for (std::size_t i = 0; i < count; ++i) {
      for (const float candidate : simpler(values[i])) {
        steps.add([=](Case& c) { access(c)->floats()[i] = candidate; });
      }
    }
    // Every value with half of its bits, for tensors with many different ones.
    if (values.size() > single_values) {
      const bool rough =
          std::ranges::all_of(values, [](float v) { return std::bit_cast<std::uint32_t>(v) << 20 == 0; });
      if (!rough) {
        steps.add([=](Case& c) {
          for (float& v : access(c)->floats())
            v = std::bit_cast<float>(std::bit_cast<std::uint32_t>(v) & 0xfffff000);
        });
      }
    }
  }
}

}  // namespace

std::vector<std::function<Case()>> smaller(const Case& c) {
  Steps steps(c);
  shrink_calls(steps);
  shrink_channels(steps);
  shrink_dimensions(steps);
  shrink_rank(steps);
  shrink_exec(steps);
  shrink_options(steps);
  shrink_wishes(steps);
  shrink_values(steps);
  return steps.take();
}

}  // namespace bncheck
