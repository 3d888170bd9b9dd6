#include "generate/cases.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bncheck/elements.hpp"
#include "bncheck/expected.hpp"

namespace bncheck {
namespace {

double draw_eps(Draws& draws, bool batch) {
  switch (draws.below(8)) {
    case 0:
      return draws.pick({1e-3, 1e-12, 1.0, 1e-8, 1e-2, 1e-7, 0.1, 1e-10});
    case 1:
      return std::ldexp(1.0, static_cast<int>(draws.between(-126, 127)));
    case 2:
      return batch ? 1e-5 : 0.0;
    case 3:
      return static_cast<double>(1e-5f);
    case 4:
      return draws.pick({1e-3, 1e-4, 1e-6, 1e-5});
    default:
      return 1e-5;
  }
}

std::optional<double> draw_momentum(Draws& draws, bool cumulative) {
  switch (draws.below(8)) {
    case 0:
      return 0.0;
    case 1:
      return 1.0;
    case 2:
      return draws.pick({0.9, 0.01, 0.5, -0.25, 1.5, 3.0, 0.99, 0.001});
    case 3:
      return cumulative ? std::nullopt : std::optional<double>(0.1);
    case 4:
      return static_cast<double>(draw_ordinary(draws));
    case 5:
      return draws.chance(1, 2) ? draws.pick({0.001, 1e-4, 1e-5, 0.03})
                                : std::ldexp(0.8, -static_cast<int>(draws.between(3, 20)));
    default:
      return 0.1;
  }
}

/// Number of batches so far: few, or beside a number up to which some type counts exactly.
std::int64_t draw_counter(Draws& draws) {
  if (!draws.chance(1, 8)) return draws.between(0, 5);
  constexpr std::int64_t one = 1;
  return draws.pick({one << 7, one << 8, one << 11, one << 15, one << 16, one << 24, one << 31, one << 32}) +
         draws.between(-2, 2) + (draws.chance(1, 4) ? 1000 : 0);
}

float draw_parameter(Draws& draws, bool special) {
  switch (draws.below(8)) {
    case 0:
      return draws.pick({0.0f, 1.0f, -1.0f, -0.0f, 0.5f, 1e-3f, 1e3f});
    case 1:
      return special ? draws.pick({std::numeric_limits<float>::infinity(),
                                   -std::numeric_limits<float>::infinity(),
                                   std::numeric_limits<float>::quiet_NaN(), 0.0f})
                     : draw_ordinary(draws);
    default:
      return draw_ordinary(draws);
  }
}

float draw_variance(Draws& draws, const CaseWish& wish) {
  switch (draws.below(8)) {
    case 0:
      return draws.pick({0.0f, 1.0f, 4.0f, 1e-12f, 1e-30f, 1e20f});
    case 1:
      if (wish.special_values) {
        return draws.pick({std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(),
                           -std::numeric_limits<float>::infinity(), -1.0f, -1e-5f, -0.0f});
      }
      return 0.25f;
    default: {
      const float root = draw_ordinary(draws);
      return root * root;
    }
  }
}

float draw_mean(Draws& draws, bool special) {
  switch (draws.below(8)) {
    case 0:
      return draws.pick({0.0f, 1.0f, -1e4f, 1e6f});
    case 1:
      return special ? draws.pick({std::numeric_limits<float>::infinity(),
                                   -std::numeric_limits<float>::infinity(),
                                   std::numeric_limits<float>::quiet_NaN()})
                     : 100 * draw_ordinary(draws);
    case 2:
      return 1000 * draw_ordinary(draws);
    default:
      return draw_ordinary(draws);
  }
}

Tensor draw_vector(Draws& draws, std::int64_t length, Dtype dtype, const std::function<float()>& draw) {
  Tensor tensor = Tensor::zeros(dtype, {length});
  const Fitting fitted(draws, dtype);
  change_elements(tensor, [&](double) { return fitted(static_cast<double>(draw())); });
  return tensor;
}

/// Mode of a forward call: drawn if the subject has both modes, otherwise the one that it has.
bool draw_mode(Draws& draws, const Capabilities& can) {
  if (!can.training || !can.inference) return can.training;
  return draws.chance(1, 2);
}

Shape draw_shape_for(Draws& draws, int dimensions, const Capabilities& can, const ShapeWish& wish) {
  Shape shape = draw_shape(draws, dimensions, within_reach(can, wish));
  shape[1] *= can.channel_multiple;
  return shape;
}

/// Weight and bias in three of four cases; neither, or one of them, as far as the subject takes that.
void draw_parameters(Draws& draws, const Capabilities& can, Config& config) {
  if (!can.without_affine && !can.weight_or_bias_alone) return;
  const std::uint64_t kind = draws.below(16);
  if (kind == 0 && can.weight_or_bias_alone) config.bias = false;
  if (kind == 1 && can.weight_or_bias_alone) config.weight = false;
  if ((kind == 2 || kind == 3) && can.without_affine) config.set_affine(false);
}

}  // namespace

ShapeWish within_reach(const Capabilities& can, ShapeWish wish) {
  if (can.max_elements > 0) wish.max_elements = std::min(wish.max_elements, can.max_elements);
  wish.max_elements = std::max(wish.max_elements / can.channel_multiple, 2 * wish.min_values);
  wish.axes = can.dialect.axes;
  return wish;
}

const Forward* only_forward(const Case& c) {
  return c.calls.size() == 1 ? std::get_if<Forward>(&c.calls[0].operation) : nullptr;
}

DtypePair draw_dtypes(Draws& draws, const Capabilities& can) {
  return can.dtypes.size() == 1 ? can.dtypes.front() : draws.pick_from(can.dtypes);
}

int draw_dimensions(Draws& draws, const Capabilities& can) {
  const std::vector<int> dimensions(can.dimensions.begin(), can.dimensions.end());
  return draws.pick_from(dimensions);
}

Config draw_config(Draws& draws, const Capabilities& can, const CaseWish& wish, std::int64_t channels) {
  Config config;
  config.num_features = channels;
  draw_parameters(draws, can, config);
  if (wish.affine) config.set_affine(*wish.affine);
  config.track_running_stats = wish.track_running_stats.value_or(!can.untracked || draws.chance(7, 8));
  // Without parameters and running statistics, nothing in the case would show the dtype of the vectors that
  // the call returns.
  const DtypePair dtypes = wish.dtypes.value_or(DtypePair{});
  if (dtypes.data != dtypes.vectors && !config.track_running_stats && !config.has_parameters()) {
    config.set_affine(true);
  }
  const bool batch = wish.calls != 1 || !config.track_running_stats || wish.training.value_or(true);
  config.eps = draw_eps(draws, batch);
  config.momentum = draw_momentum(draws, can.dialect.cumulative != Cumulative::unsupported);
  return config;
}

State draw_state(Draws& draws, const Config& config, const Dialect& dialect, const CaseWish& wish,
                 const Shape& x) {
  State state;
  const Dtype dtype = wish.dtypes.value_or(DtypePair{}).vectors;
  const auto vector = [&](const std::function<float()>& draw) {
    return draw_vector(draws, feature_count(x, dialect.axes).features, dtype, draw);
  };
  const auto parameter = [&] { return draw_parameter(draws, wish.special_values); };
  if (config.weight) state.weight = vector(parameter);
  if (config.bias) state.bias = vector(parameter);
  if (config.track_running_stats) {
    state.running_mean = vector([&] { return draw_mean(draws, wish.special_values); });
    state.running_var = vector([&] { return draw_variance(draws, wish); });
    state.num_batches_tracked = draw_counter(draws);
    if (dialect.averaging == Averaging::ratio) {
      state.running_weight = filled_with(dtype, {1}, static_cast<double>(draws.between(0, 8)));
    }
  }
  return state;
}

Tensor draw_input(Draws& draws, const Shape& shape, const CaseWish& wish) {
  const Dtype dtype = wish.dtypes.value_or(DtypePair{}).data;
  Tensor x = Tensor::zeros(dtype, shape);
  const std::int64_t channels = shape[1];
  const std::int64_t count = values_per_channel(shape);
  const std::int64_t spatial = shape[0] == 0 ? 0 : count / shape[0];
  const auto regime = [&] {
    if (wish.regime) return *wish.regime;
    if (wish.special_values && draws.chance(1, 2)) return Regime::special;
    return draws.chance(1, 3) ? Regime::ordinary : draws.pick_from(finite_regimes());
  };
  Regime current = regime();
  const bool one_regime = draws.chance(1, 2);
  for (std::int64_t c = 0; c < channels; ++c) {
    if (!one_regime && c > 0) current = regime();
    const std::vector<double> channel = draw_values(draws, current, static_cast<std::size_t>(count), dtype);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t at = (i / spatial * channels + c) * spatial + i % spatial;
      set_element(x, at, channel[static_cast<std::size_t>(i)]);
    }
  }
  return x;
}

namespace {

Placement draw_layout(Draws& draws, const Capabilities& can, std::size_t rank) {
  if (can.strided) return draw_placement(draws, rank);
  return draws.chance(1, 2) ? channels_last(rank) : Placement{};
}

}  // namespace

Exec draw_exec(Draws& draws, const Capabilities& can, std::size_t rank) {
  Exec exec;
  if (can.in_place && draws.chance(1, 6)) exec.overlap = Overlap::in_place;
  if (can.strided || can.channels_last) {
    exec.x = draw_layout(draws, can, rank);
    if (can.caller_output && exec.overlap == Overlap::none) exec.y = draw_layout(draws, can, rank);
  }
  if (exec.overlap == Overlap::in_place) exec.y = exec.x;
  if (can.threads && draws.chance(1, 4)) exec.threads = static_cast<int>(draws.between(1, 4));
  if (can.any_environment && draws.chance(1, 6)) {
    exec.rounding = draws.pick({Rounding::down, Rounding::up, Rounding::zero, Rounding::nearest});
    exec.flush_to_zero = draws.chance(1, 2);
  }
  return exec;
}

Case draw_case(Draws& draws, const Capabilities& can, const CaseWish& open_wish) {
  Case c;
  CaseWish wish = open_wish;
  if (!wish.dtypes) wish.dtypes = draw_dtypes(draws, can);
  const int dimensions = draw_dimensions(draws, can);
  Shape shape = draw_shape_for(draws, dimensions, can, wish.shape);
  c.config = draw_config(draws, can, wish, shape[1]);
  c.config.dimensions = dimensions;
  c.state = draw_state(draws, c.config, can.dialect, wish, shape);
  const auto calls = wish.calls > 0 ? wish.calls : static_cast<int>(draws.between(1, 3));
  for (int k = 0; k < calls; ++k) {
    const bool training = k == 0 && wish.training ? *wish.training : draw_mode(draws, can);
    Call call;
    call.operation = Forward{training, draw_input(draws, shape, wish)};
    if (wish.any_exec) call.exec = draw_exec(draws, can, shape.size());
    c.calls.push_back(std::move(call));
    if (k + 1 < calls) {
      shape = draw_other_shape(draws, dimensions, shape, within_reach(can, wish.shape));
    }
  }
  return c;
}

Case draw_long_case(Draws& draws, const Capabilities& can) {
  ShapeWish limit;
  limit.max_elements = std::max<std::int64_t>(8, (std::int64_t{1} << 17) * draws.size() / 100);
  const std::int64_t n = within_reach(can, limit).max_elements;
  const int dimensions = draw_dimensions(draws, can);
  Shape shape(dimensions == 1 ? 2 : static_cast<std::size_t>(dimensions) + 2, 1);
  shape[1] = can.channel_multiple;
  if (dimensions == 1 || can.dialect.axes == Axes::per_activation || n < 6 || draws.chance(1, 2)) {
    shape[0] = n;
  } else {
    shape[0] = 3;
    shape.back() = n / 3;
  }
  CaseWish wish;
  wish.affine = wish.track_running_stats = true;
  wish.dtypes = draw_dtypes(draws, can);
  Case c;
  c.config = draw_config(draws, can, wish, shape[1]);
  c.config.dimensions = dimensions;
  c.config.eps = 1e-5;
  c.state = draw_state(draws, c.config, can.dialect, wish, shape);
  Tensor x = Tensor::zeros(wish.dtypes->data, shape);
  const Fitting fitted(draws, x.dtype);
  const bool ordinary = draws.chance(1, 2);
  const double a = fitted(static_cast<double>(draw_ordinary(draws)));
  const double b = fitted(static_cast<double>(draw_ordinary(draws)));
  change_elements(x, [&](double) {
    if (ordinary) return fitted(static_cast<double>(draw_ordinary(draws)));
    return draws.chance(1, 2) ? a : b;
  });
  c.calls.push_back({Forward{true, std::move(x)}, {}});
  return c;
}

}  // namespace bncheck
