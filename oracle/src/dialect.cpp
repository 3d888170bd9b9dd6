#include "bncheck/dialect.hpp"

#include <algorithm>
#include <array>
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
    onnx.eps_as = onnx.momentum_as = Scalar::f32;

    Dialect keras = onnx;  // Keras 3: moving * momentum + batch * (1.0 - momentum), two Python numbers
    keras.name = "keras";
    keras.eps_as = keras.momentum_as = Scalar::data;
    keras.complement = Complement::apart;

    Dialect onednn;  // the primitive returns batch statistics; the caller averages them
    onednn.name = "onednn";
    onednn.averaging = Averaging::none;
    onednn.cumulative = Cumulative::unsupported;
    onednn.running_variance = Correction::population;
    onednn.single_value = SingleValue::zero;
    onednn.saved = Saved::mean_var;
    onednn.eps_as = onednn.momentum_as = Scalar::f32;

    Dialect caffe;
    caffe.name = "caffe";
    caffe.averaging = Averaging::ratio;
    caffe.cumulative = Cumulative::unsupported;
    caffe.single_value = SingleValue::zero;
    caffe.saved = Saved::none;
    caffe.eps_as = caffe.momentum_as = Scalar::f32;

    Dialect darknet;  // the CPU path: .99 and .01 are float arguments of two calls, scal_cpu and axpy_cpu
    darknet.name = "darknet";
    darknet.averaging = Averaging::old_weight;
    darknet.complement = Complement::apart;
    darknet.cumulative = Cumulative::unsupported;
    darknet.normalising_variance = Correction::unbiased;
    darknet.single_value = SingleValue::nan;
    darknet.eps_place = EpsPlace::outside;
    darknet.backward_eps = 1e-5;  // normalize_delta_cpu: delta / sqrt(variance + .00001f), inside
    darknet.saved = Saved::mean_var;
    darknet.eps_as = darknet.momentum_as = Scalar::f32;

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
      word_knob(
          "averaging", &Dialect::averaging, {"new_weight", "old_weight", "ratio", "none"},
          "the running statistic takes the weight of the new value, of the old one, is a quotient, or is not kept"),
      word_knob(
          "cumulative", &Dialect::cumulative, {"nearest_double", "exact", "unsupported"},
          "the average over all batches, where there is no momentum: with the double nearest to 1/k, with 1/k, or none"),
      word_knob("running_var", &Dialect::running_variance, corrections,
                "divisor of the variance that the running variance takes: n or n - 1"),
      word_knob("normalising_var", &Dialect::normalising_variance, corrections,
                "divisor of the variance that normalises in training: n or n - 1"),
      word_knob("single_value", &Dialect::single_value, {"error", "nan", "zero", "skip"},
                "one value per channel: refused, a NaN, a variance of 0, or running statistics that stay"),
      word_knob("empty_batch", &Dialect::empty_batch, {"untouched", "nan", "error"},
                "a batch without values: nothing changes, running statistics become NaN, or it is refused"),
      word_knob("eps_place", &Dialect::eps_place, {"inside", "outside", "absent"},
                "sqrt(V + eps), sqrt(V) + eps, or sqrt(V)"),
      {"eps_floor",
       {},
       "a finite number >= 0",
       [](const Dialect& d) { return shortest_decimal(d.eps_floor); },
       [](Dialect& d, std::string_view text) {
         const std::optional<double> value = read_eps(text);
         if (value) d.eps_floor = *value;
         return value.has_value();
       },
       "a smaller eps is raised to it"},
      {"backward_eps",
       {},
       "none or a finite number >= 0",
       [](const Dialect& d) { return d.backward_eps ? shortest_decimal(*d.backward_eps) : "none"; },
       [](Dialect& d, std::string_view text) {
         const std::optional<double> value = read_eps(text);
         if (value || text == "none") d.backward_eps = value;
         return value || text == "none";
       },
       "dx is the textbook's formula with this eps, not the gradient of the forward pass"},
      word_knob("saved", &Dialect::saved, {"none", "mean_var", "mean_invstd"},
                "statistics that a training call returns for its gradient"),
      word_knob("eps_as", &Dialect::eps_as, {"f64", "f32", "data"},
                "precision in which eps reaches the formulas; data: float unless x is f64"),
      word_knob("momentum_as", &Dialect::momentum_as, {"f64", "f32", "data"},
                "precision in which the momentum p reaches the formulas"),
      word_knob(
          "complement", &Dialect::complement, {"exact", "rounded", "apart", "first"},
          "the other weight where p is a float: 1 - fl(p), that rounded, fl(1 - p), or fl(1 - p) with 1 minus it for p"),
      word_knob("axes", &Dialect::axes, {"spatial", "per_activation"},
                "statistics per channel, or per channel and position")};
  return table;
}

/// The parts, with what earlier versions called otherwise in today's words.
std::vector<std::string_view> in_todays_words(const std::vector<std::string_view>& parts) {
  static constexpr std::array<std::array<std::string_view, 3>, 3> words{
      {{"scalars=f32", "eps_as=f32", "momentum_as=f32"},
       {"scalars=f64", "eps_as=f64", "momentum_as=f64"},
       {"averaging=both_weights", "averaging=old_weight", "complement=apart"}}};
  std::vector<std::string_view> all;
  for (const std::string_view part : parts) {
    const auto old = std::ranges::find(words, part, [](const auto& entry) { return entry[0]; });
    if (old == words.end()) {
      all.push_back(part);
    } else {
      all.insert(all.end(), {(*old)[1], (*old)[2]});
    }
  }
  return all;
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
  turn_knobs(dialect, knobs(), in_todays_words(parts), "dialect");
  return dialect;
}

std::string text_of(const Dialect& dialect) {
  const Dialect base = dialect_named(dialect.name).value_or(Dialect());
  return base.name + differences(dialect, base, knobs());
}

std::vector<KnobDescription> dialect_descriptions() {
  return descriptions(knobs());
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
