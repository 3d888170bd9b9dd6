#include "search/dialect_experiments.hpp"

#include <algorithm>
#include <cmath>

#include "bncheck/number_text.hpp"
#include "core/runner.hpp"

namespace bncheck {
namespace {

using Kind = Experiment::Kind;

/// Layer with the same numbers in every channel, and one or more calls on it.
struct Setting {
  double eps = 1;  ///< within (0, 1], which is all that some layers take
  std::optional<double> momentum = 0.25;
  float weight = 1, bias = 0, running_mean = 32, running_var = 64;
  float running_weight = 2;              ///< for averaging by ratio
  std::int64_t num_batches_tracked = 2;  ///< before the first call
};

/// Dimensions of the layer: 2 if x has positions and the subject takes 2d, else the smallest that it takes.
int dimensions_of(const Capabilities& can, bool positions) {
  if (positions && can.dimensions.contains(2)) return 2;
  return *can.dimensions.begin();
}

/// x with one row per sample: its values at the positions, the same number in each row.
Tensor batch(const Capabilities& can, int dimensions, const std::vector<std::vector<float>>& rows) {
  const std::size_t positions = rows.empty() ? 1 : rows.front().size();
  Shape shape{static_cast<std::int64_t>(rows.size()), can.channel_multiple};
  if (dimensions > 1 || positions > 1) shape.resize(static_cast<std::size_t>(dimensions) + 2, 1);
  if (positions > 1) shape.back() = static_cast<std::int64_t>(positions);
  std::vector<float> values;
  for (const std::vector<float>& row : rows) {
    for (std::int64_t c = 0; c < can.channel_multiple; ++c)
      values.insert(values.end(), row.begin(), row.end());
  }
  return Tensor::of(std::move(shape), values);
}

/// x with one value per sample.
Tensor column(const Capabilities& can, const std::vector<float>& values) {
  std::vector<std::vector<float>> rows;
  for (const float value : values) rows.push_back({value});
  return batch(can, dimensions_of(can, false), rows);
}

void fill(std::optional<Tensor>& tensor, float value) {
  if (tensor) std::ranges::fill(tensor->floats(), value);
}

Case layer(const Capabilities& can, const Dialect& dialect, const Setting& setting) {
  Case c;
  c.config.dimensions = dimensions_of(can, false);
  c.config.num_features = can.channel_multiple;
  c.config.eps = setting.eps;
  c.config.momentum = setting.momentum;
  c.state = fresh_state(c.config);
  fill(c.state.weight, setting.weight);
  fill(c.state.bias, setting.bias);
  fill(c.state.running_mean, setting.running_mean);
  fill(c.state.running_var, setting.running_var);
  if (dialect.averaging == Averaging::ratio)
    c.state.running_weight = Tensor::filled({1}, setting.running_weight);
  c.state.num_batches_tracked = setting.num_batches_tracked;
  return c;
}

/// Maker of a case with a layer and one forward call.
std::function<Case(const Capabilities&, const Dialect&)> forward(bool training, std::vector<float> x,
                                                                 Setting setting = {}) {
  return [=](const Capabilities& can, const Dialect& dialect) {
    Case c = layer(can, dialect, setting);
    c.calls.push_back({Forward{training, column(can, x)}, {}});
    return c;
  };
}

std::string no_training(const Capabilities& can) {
  return can.training ? "" : "it has no training";
}
std::string no_inference(const Capabilities& can) {
  return can.inference ? "" : "it has no inference";
}
std::string no_forward(const Capabilities& can) {
  return can.training || can.inference ? "" : "it has no forward call";
}
std::string no_gradient(const Capabilities& can) {
  if (!can.training) return no_training(can);
  return can.backward ? "" : "it has no backward pass";
}

bool never_silent(const Dialect&, bool) {
  return false;
}
bool keeps_none(const Dialect& dialect, bool) {
  return dialect.averaging == Averaging::none;
}

/// First value of an output of the last call; NaN if there is none.
double first_value(const Outcome& outcome, Output output) {
  if (outcome.replies.empty()) return std::nan("");
  const Tensor* tensor = find_output(outcome.replies.back(), output);
  return tensor == nullptr || tensor->size() == 0 ? std::nan("") : static_cast<double>(tensor->floats()[0]);
}

std::optional<double> if_positive(double value) {
  return std::isfinite(value) && value > 0 ? std::optional(value) : std::nullopt;
}

/// The factors are 1/√(9/16+1), 1/(¾+1) and 1/¾, and the same with 18/16 instead of 9/16.
Experiment training_y() {
  return {"training, x = (0.25, 1.75), eps 1",
          {"normalising_var", "eps_place"},
          {Output::y},
          forward(true, {0.25f, 1.75f}),
          no_training};
}
Experiment inference_y() {
  return {"inference, x = (32.75, 31.25), running_mean 32, running_var 0.5625, eps 1",
          {"eps_place"},
          {Output::y},
          forward(false, {32.75f, 31.25f}, {.running_var = 0.5625f}),
          no_inference};
}

constexpr float tiny = 0x1p-30f;

/// The floor of ε, from a case with a variance and an ε near 0: y/(x − μ) = 1/√(v + floor), or 1/(√v +
/// floor).
std::optional<double> floor_from(const Case& c, const Outcome& outcome, const Dialect& dialect) {
  const auto& last = std::get<Forward>(c.calls.back().operation);
  const double x = static_cast<double>(last.x.floats()[0]);
  const bool unbiased = last.training && dialect.normalising_variance == Correction::unbiased;
  const double variance = x * x * (unbiased ? 2 : 1);
  const double divisor = x / first_value(outcome, Output::y);
  return if_positive(dialect.eps_place == EpsPlace::outside ? divisor - std::sqrt(variance)
                                                            : divisor * divisor - variance);
}

Experiment eps_floor() {
  return {"x = (2^-30, -2^-30), eps 2^-100, in inference a running_mean of 0 and a running_var of 2^-60",
          {"eps_floor"},
          {Output::y},
          [](const Capabilities& can, const Dialect& dialect) {
            const Setting setting{.eps = 0x1p-100, .running_mean = 0, .running_var = tiny * tiny};
            return forward(can.training, {tiny, -tiny}, setting)(can, dialect);
          },
          no_forward,
          [](const Dialect& dialect, bool) { return dialect.eps_place == EpsPlace::absent; },
          Kind::odd,
          {},
          floor_from};
}

/// Case with positions, without parameters and statistics if the subject allows that, because their lengths
/// depend on the answer.
Case positions_case(const Capabilities& can, const Dialect& dialect) {
  const int dimensions = dimensions_of(can, true);
  Setting setting;
  Case c = layer(can, dialect, setting);
  c.config.dimensions = dimensions;
  c.config.set_affine(!can.without_affine);
  c.config.track_running_stats = !can.untracked;
  Forward call{true, batch(can, dimensions, {{0, 0.25f}, {1.5f, 0.75f}})};
  Config lengths = c.config;
  lengths.num_features = feature_count(call.x.shape, dialect.axes).features;
  c.state = fresh_state(lengths);
  c.calls.push_back({std::move(call), {}});
  return c;
}
Experiment axes() {
  return {"training, x = ((0, 0.25), (1.5, 0.75)) over samples and positions, eps 1",
          {"axes"},
          {Output::y},
          positions_case,
          no_training};
}

Experiment saved() {
  return {"training, x = (0.25, 1.75), eps 1",
          {"saved"},
          {Output::saved_mean, Output::saved_var, Output::saved_invstd},
          forward(true, {0.25f, 1.75f}),
          no_training,
          never_silent,
          Kind::plain,
          std::pair{"saved", "none"}};
}

const std::set<Output> running{Output::running_mean, Output::running_var, Output::running_weight};

/// r and s have different weights and sizes, so that any two averagings differ.
Experiment averaging() {
  return {
      "training, x = (0.25, 1.75), running_mean 32, running_var 64, running_weight 2, weight of the new value "
      "1/4",
      {"averaging", "running_var"},
      running,
      forward(true, {0.25f, 1.75f}),
      no_training};
}

Experiment cumulative() {
  return {
      "training without a momentum, x = (0.25, 1.75), running_mean 32, running_var 64, two batches before",
      {"cumulative"},
      running,
      forward(true, {0.25f, 1.75f}, {.momentum = std::nullopt}),
      no_training,
      keeps_none,
      Kind::plain,
      std::pair{"cumulative", "unsupported"}};
}

Experiment single_value() {
  std::set<Output> looks_at = running;
  looks_at.insert(Output::y);
  return {"training, x = (7), one value per channel, running_mean 32, running_var 64, eps 1",
          {"single_value"},
          looks_at,
          forward(true, {7}),
          no_training};
}

Experiment empty_batch() {
  return {"training on an empty batch, running_mean 32, running_var 64",
          {"empty_batch"},
          running,
          forward(true, {}),
          [](const Capabilities& can) {
            return can.empty ? no_training(can) : std::string("it takes no empty batch");
          },
          never_silent,
          Kind::odd};
}

/// The result is m·s for r = 0 and a large s. It is 0 if m becomes 0 as a float, or 1 − m becomes 1.
Experiment small_momentum(double m, const std::string& name, float s, const std::string& size) {
  return {"training, x = (" + size + ", " + size + "), running_mean 0, weight of the new value " + name,
          {"momentum_as", "complement"},
          {Output::running_mean},
          forward(true, {s, s}, {.momentum = m, .running_mean = 0, .running_var = 0}),
          no_training,
          keeps_none,
          Kind::probe};
}

/// The result is the smaller of the weights m and 1 − m. It is off by 10⁻⁶ of itself if it is formed from the larger one
/// as a float.
Experiment small_weight(double m, const std::string& name, float r, float s) {
  return {"training, x = (" + general_decimal(s, 9) + ", " + general_decimal(s, 9) + "), running_mean " +
              general_decimal(r, 9) + ", weight of the new value " + name,
          {"momentum_as", "complement"},
          {Output::running_mean},
          forward(true, {s, s}, {.momentum = m, .running_mean = r, .running_var = 0}),
          no_training,
          keeps_none,
          Kind::probe};
}

/// ε = 1/3 and a running variance of −(1/3 rounded down to float): v + ε is 2.0e-8, or 3.0e-8 if ε is a
/// float. No batch has such a variance, but a running variance may be any number.
Experiment cancelled_eps() {
  const float below = std::nextafter(static_cast<float>(1.0 / 3), 0.0f);
  return {
      "inference, x = (1), running_mean 0, running_var -0.3333333135, eps 1/3",
      {"eps_as"},
      {Output::y},
      forward(false, {1}, {.eps = 1.0 / 3, .running_mean = 0, .running_var = -below, .running_weight = 1}),
      no_inference,
      [](const Dialect& dialect, bool) {
        return dialect.eps_place != EpsPlace::inside || dialect.eps_floor > 0.3;
      },
      Kind::probe};
}

Case gradient_case(const Capabilities& can, const Dialect& dialect, double eps, const std::vector<float>& x,
                   const std::vector<float>& dy) {
  Case c = layer(can, dialect, {.eps = eps});
  c.calls.push_back({Forward{true, column(can, x)}, {}});
  c.calls.push_back({Backward{column(can, dy), true, false, false}, {}});
  return c;
}

/// The ε of the backward pass. dy is orthogonal to 1 and x, so dx = h·dy; the variance is near 0, so h gives
/// ε.
std::optional<double> backward_eps_from(const Case& c, const Outcome& outcome, const Dialect& dialect) {
  const Tensor& x = std::get<Forward>(c.calls.front().operation).x;
  const auto n = static_cast<double>(x.shape[0]);
  const double variance = std::pow(static_cast<double>(x.floats()[0]), 2) *
                          (dialect.normalising_variance == Correction::unbiased ? n / (n - 1) : 1);
  const double h = first_value(outcome, Output::dx);
  // For ε = 0 the difference is a rounding error of either sign.
  const double eps = 1 / (h * h) - variance;
  return std::isfinite(eps) && h > 0 ? std::optional(std::max(eps, 0.0)) : std::nullopt;
}

Experiment backward_eps() {
  return {"the gradient of training, x = (-2^-30, 2^-30, -2^-30, 2^-30), dy = (1, 1, -1, -1), eps 1",
          {"backward_eps"},
          {Output::dx},
          [](const Capabilities& can, const Dialect& dialect) {
            return gradient_case(can, dialect, 1, {-tiny, tiny, -tiny, tiny}, {1, 1, -1, -1});
          },
          no_gradient,
          never_silent,
          Kind::plain,
          {},
          backward_eps_from};
}

/// Another ε, and a dy with a component along x.
Experiment whole_gradient() {
  return {"the gradient of training, x = (1, 2, 4, 9), dy = (1, 0, 2, -1), eps 0.5",
          {},
          {Output::dx},
          [](const Capabilities& can, const Dialect& dialect) {
            return gradient_case(can, dialect, 0.5, {1, 2, 4, 9}, {1, 0, 2, -1});
          },
          no_gradient};
}

/// Two batches, the gradient of the second, and inference, with the parameters of a trained layer.
Experiment everything() {
  return {"two batches of three, the gradient and inference, eps 1/2, gamma -1.5, beta 1/4",
          {},
          {Output::y, Output::saved_mean, Output::saved_var, Output::saved_invstd, Output::running_mean,
           Output::running_var, Output::running_weight, Output::dx, Output::dweight, Output::dbias},
          [](const Capabilities& can, const Dialect& dialect) {
            Case c = layer(can, dialect,
                           {.eps = 0.5, .weight = -1.5f, .bias = 0.25f, .running_mean = 1, .running_var = 2});
            const auto add = [&](Operation operation) { c.calls.push_back({std::move(operation), {}}); };
            if (can.training) {
              add(Forward{true, column(can, {0.5f, -1.25f, 3})});
              add(Forward{true, column(can, {2, 0.75f, -4})});
              if (can.backward) add(Backward{column(can, {1, -2, 0.5f})});
            }
            if (can.inference) add(Forward{false, column(can, {1, -3})});
            return c;
          },
          no_forward};
}

}  // namespace

std::string asked_as(const std::string& word) {
  return word == "data" ? "f32" : word == "rounded" ? "exact" : word;
}

std::vector<std::string> asked_words(const std::string& knob) {
  std::vector<std::string> words = knob_words(knob);
  std::erase_if(words, [](const std::string& word) { return asked_as(word) != word; });
  return words;
}

const std::vector<Experiment>& dialect_experiments() {
  static const std::vector<Experiment> experiments{training_y(),
                                                   inference_y(),
                                                   eps_floor(),
                                                   axes(),
                                                   saved(),
                                                   averaging(),
                                                   cumulative(),
                                                   single_value(),
                                                   empty_batch(),
                                                   small_momentum(0x1p-160, "2^-160", 0x1p120f, "2^120"),
                                                   small_momentum(0x1p-40, "2^-40", 0x1p60f, "2^60"),
                                                   small_weight(0.99, "0.99", 1, 0),
                                                   small_weight(0.01, "0.01", 0, 1),
                                                   cancelled_eps(),
                                                   backward_eps(),
                                                   whole_gradient(),
                                                   everything()};
  return experiments;
}

}  // namespace bncheck
