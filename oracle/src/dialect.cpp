#include "bncheck/dialect.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "bncheck/number_text.hpp"
#include "knobs.hpp"

namespace bncheck {

const std::vector<Dialect>& dialect_presets() {
  static const std::vector<Dialect> presets = [] {
    Dialect pytorch;

    Dialect onnx;  // ONNX 14/15 with training_mode: float attributes, momentum weights the old statistic
    onnx.name = "onnx";
    onnx.averaging = Averaging::old_weight;
    onnx.cumulative = Cumulative::unsupported;
    onnx.running_variance = Correction::population;
    onnx.single_value = SingleValue::zero;
    onnx.saved = Saved::none;
    onnx.scalars = Scalars::f32;

    Dialect keras = onnx;  // Keras 3: moving * momentum + batch * (1.0 - momentum), two Python numbers
    keras.name = "keras";
    keras.averaging = Averaging::both_weights;

    Dialect onednn;  // the primitive returns batch statistics; the caller averages them
    onednn.name = "onednn";
    onednn.averaging = Averaging::none;
    onednn.cumulative = Cumulative::unsupported;
    onednn.running_variance = Correction::population;
    onednn.single_value = SingleValue::zero;
    onednn.saved = Saved::mean_var;
    onednn.scalars = Scalars::f32;

    Dialect caffe;
    caffe.name = "caffe";
    caffe.averaging = Averaging::ratio;
    caffe.cumulative = Cumulative::unsupported;
    caffe.single_value = SingleValue::zero;
    caffe.saved = Saved::none;
    caffe.scalars = Scalars::f32;

    Dialect darknet;  // the CPU path: .99 and .01 are float arguments of two calls, scal_cpu and axpy_cpu
    darknet.name = "darknet";
    darknet.averaging = Averaging::both_weights;
    darknet.cumulative = Cumulative::unsupported;
    darknet.normalising_variance = Correction::unbiased;
    darknet.single_value = SingleValue::nan;
    darknet.eps_place = EpsPlace::outside;
    darknet.backward_eps = 1e-5;  // normalize_delta_cpu: delta / sqrt(variance + .00001f), inside
    darknet.saved = Saved::mean_var;
    darknet.scalars = Scalars::f32;

    return std::vector<Dialect>{pytorch, onnx, keras, onednn, caffe, darknet};
  }();
  return presets;
}

std::optional<Dialect> dialect_named(std::string_view name) {
  for (const Dialect& dialect : dialect_presets()) {
    if (dialect.name == name) return dialect;
  }
  return std::nullopt;
}

namespace {

/// Reads a finite number that is not negative. −0 is refused: it equals 0, but would be written as -0.
std::optional<double> read_eps(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || !std::isfinite(value) || std::signbit(value)) return std::nullopt;
  return value;
}

const std::vector<Knob<Dialect>>& knobs() {
  static const std::vector<std::string> corrections{"population", "unbiased"};
  static const std::vector<Knob<Dialect>> table{
      word_knob("averaging", &Dialect::averaging,
                {"new_weight", "old_weight", "both_weights", "ratio", "none"}),
      word_knob("cumulative", &Dialect::cumulative, {"nearest_double", "exact", "unsupported"}),
      word_knob("running_var", &Dialect::running_variance, corrections),
      word_knob("normalising_var", &Dialect::normalising_variance, corrections),
      word_knob("single_value", &Dialect::single_value, {"error", "nan", "zero", "skip"}),
      word_knob("empty_batch", &Dialect::empty_batch, {"untouched", "nan", "error"}),
      word_knob("eps_place", &Dialect::eps_place, {"inside", "outside", "absent"}),
      {"eps_floor",
       {},
       "a finite number >= 0",
       [](const Dialect& d) { return shortest_decimal(d.eps_floor); },
       [](Dialect& d, std::string_view text) {
         const std::optional<double> value = read_eps(text);
         if (value) d.eps_floor = *value;
         return value.has_value();
       }},
      {"backward_eps",
       {},
       "none or a finite number >= 0",
       [](const Dialect& d) { return d.backward_eps ? shortest_decimal(*d.backward_eps) : "none"; },
       [](Dialect& d, std::string_view text) {
         const std::optional<double> value = read_eps(text);
         if (value || text == "none") d.backward_eps = value;
         return value || text == "none";
       }},
      word_knob("saved", &Dialect::saved, {"none", "mean_var", "mean_invstd"}),
      word_knob("scalars", &Dialect::scalars, {"f64", "f32"}),
      word_knob("axes", &Dialect::axes, {"spatial", "per_activation"})};
  return table;
}

}  // namespace

Dialect dialect_from_text(std::string_view text) {
  std::vector<std::string_view> parts = parts_of(text);
  Dialect dialect;
  if (parts.front().find('=') == std::string_view::npos) {
    const std::string name(parts.front());
    const std::optional<Dialect> preset = dialect_named(name);
    if (!preset) {
      std::vector<std::string> known;
      for (const Dialect& one : dialect_presets()) known.push_back(one.name);
      throw std::invalid_argument("unknown dialect " + in_quotes(name) + ", expected " + listed(known) +
                                  ", then KNOB=VALUE where it differs");
    }
    dialect = *preset;
    parts.erase(parts.begin());
  }
  turn_knobs(dialect, knobs(), parts, "dialect");
  return dialect;
}

std::string text_of(const Dialect& dialect) {
  const Dialect base = dialect_named(dialect.name).value_or(Dialect());
  return base.name + differences(dialect, base, knobs());
}

const std::vector<std::string>& dialect_knobs() {
  static const std::vector<std::string> keys = keys_of(knobs());
  return keys;
}

std::vector<std::string> knob_words(const std::string& knob) {
  return known_knob(knobs(), knob, "dialect").words;
}

std::string knob_of(const Dialect& dialect, const std::string& knob) {
  return known_knob(knobs(), knob, "dialect").text(dialect);
}

Dialect with_knob(Dialect dialect, const std::string& knob, const std::string& value) {
  turn_knob(dialect, known_knob(knobs(), knob, "dialect"), value, "dialect");
  return dialect;
}

int knobs_apart(const Dialect& a, const Dialect& b) {
  return static_cast<int>(std::ranges::count_if(
      knobs(), [&](const Knob<Dialect>& knob) { return knob.text(a) != knob.text(b); }));
}

std::string nearest_preset(const Dialect& dialect) {
  return std::ranges::min_element(dialect_presets(), {},
                                  [&](const Dialect& preset) { return knobs_apart(dialect, preset); })
      ->name;
}

std::string describe(const Dialect& dialect) {
  std::string text;
  for (const Knob<Dialect>& knob : knobs()) {
    text += (text.empty() ? "" : " ") + knob.key + "=" + knob.text(dialect);
  }
  return text;
}

}  // namespace bncheck
