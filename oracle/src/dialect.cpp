#include "bncheck/dialect.hpp"

#include <array>

namespace bncheck {

const std::vector<Dialect>& dialect_presets() {
  static const std::vector<Dialect> presets = [] {
    Dialect pytorch;

    Dialect onnx;  // ONNX 14/15 with training_mode: float attributes, momentum weighs the OLD statistic
    onnx.name = "onnx";
    onnx.averaging = Averaging::old_weight;
    onnx.cumulative = Cumulative::unsupported;
    onnx.running_variance = Correction::population;
    onnx.single_value = SingleValue::zero;
    onnx.saved = Saved::none;
    onnx.scalars = Scalars::f32;

    Dialect keras = onnx;  // Keras 3: moving * momentum + batch * (1.0 - momentum), both Python numbers
    keras.name = "keras";
    keras.averaging = Averaging::both_weights;

    Dialect onednn;  // the primitive: batch statistics are outputs, averaging is the caller's
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
template <class E, std::size_t N>
std::string word(E value, const std::array<const char*, N>& words) {
  return words[static_cast<std::size_t>(value)];
}
}  // namespace

std::string describe(const Dialect& d) {
  using Words2 = std::array<const char*, 2>;
  using Words3 = std::array<const char*, 3>;
  using Words4 = std::array<const char*, 4>;
  using Words5 = std::array<const char*, 5>;
  const Words2 corrections{"population", "unbiased"};
  return "averaging=" +
         word(d.averaging, Words5{"new_weight", "old_weight", "both_weights", "ratio", "none"}) +
         " cumulative=" + word(d.cumulative, Words3{"nearest_double", "exact", "unsupported"}) +
         " running_variance=" + word(d.running_variance, corrections) +
         " normalising_variance=" + word(d.normalising_variance, corrections) +
         " single_value=" + word(d.single_value, Words4{"error", "nan", "zero", "skip"}) +
         " empty_batch=" + word(d.empty_batch, Words3{"untouched", "nan", "error"}) +
         " eps_place=" + word(d.eps_place, Words3{"inside", "outside", "absent"}) +
         " backward_eps=" + (d.backward_eps ? std::to_string(*d.backward_eps) : "none") +
         " saved=" + word(d.saved, Words3{"none", "mean_var", "mean_invstd"}) +
         " scalars=" + word(d.scalars, Words2{"f64", "f32"}) +
         " axes=" + word(d.axes, Words2{"spatial", "per_activation"});
}

}  // namespace bncheck
