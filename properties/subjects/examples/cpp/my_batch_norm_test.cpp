/// A BatchNorm of one's own, in plain float with sums in double, and every law as a GoogleTest.

#include <bncheck/gtest.hpp>
#include <bncheck/single_calls.hpp>
#include <cmath>

using namespace bncheck;

/// Values of one channel: element i of it is x[at(i)].
struct Channel {
  std::int64_t channel, channels, inner, count;
  Channel(const Shape& shape, std::int64_t c) : channel(c), channels(shape[1]), inner(1), count(shape[0]) {
    for (std::size_t k = 2; k < shape.size(); ++k) inner *= shape[k];
    count *= inner;
  }
  std::size_t at(std::int64_t i) const {
    return static_cast<std::size_t>((i / inner * channels + channel) * inner + i % inner);
  }
};

class MyBatchNorm : public Subject {
 public:
  MyBatchNorm() {
    can_.dialect = dialect_from_text("pytorch,saved=none");
    can_.numerics = numerics_from_text("sound,summation=wide");
    can_.errors = {ErrorKind::channels, ErrorKind::one_value};  // what it finds and refuses
    can_.backward = can_.strided = can_.channels_last = can_.in_place = can_.threads = false;
    can_.caller_output = can_.any_environment = can_.non_finite_rule = false;
  }
  std::string name() const override { return "mine"; }
  std::string version() const override { return "1.0"; }
  const Capabilities& can() const override { return can_; }
  Outcome run(const Case& c) override { return run_single_calls(c, can_.dialect, forward); }

 private:
  static CallReply forward(const SingleCall& call) {
    const std::int64_t channels = call.config.num_features;
    if (channels < 1 || call.x->shape[1] != channels)
      return {Failure{ErrorKind::channels, "not my channels", false}, {}, {}};
    const std::span<const float> x = call.x->floats();
    const bool training = call.kind == CallKind::forward_training;
    State state = call.state;
    Tensor y = *call.x;
    for (std::int64_t c = 0; c < channels && !x.empty(); ++c) {
      const Channel values(call.x->shape, c);
      const auto n = static_cast<double>(values.count);
      if (training && n == 1) return {Failure{ErrorKind::one_value, "one value per channel", false}, {}, {}};
      double mean = 0, var = 0;
      for (std::int64_t i = 0; i < values.count; ++i) mean += x[values.at(i)] / n;
      for (std::int64_t i = 0; i < values.count; ++i) var += std::pow(x[values.at(i)] - mean, 2) / n;
      const auto k = static_cast<std::size_t>(c);
      const double m =
          call.config.momentum.value_or(1.0 / static_cast<double>(state.num_batches_tracked + 1));
      if (!training) mean = state.running_mean->floats()[k], var = state.running_var->floats()[k];
      if (training) mix(state.running_mean, k, m, mean), mix(state.running_var, k, m, var * n / (n - 1));
      const double scale = element(state.weight, k, 1) / std::sqrt(var + call.config.eps);
      for (std::int64_t i = 0; i < values.count; ++i)
        y.floats()[values.at(i)] =
            static_cast<float>((x[values.at(i)] - mean) * scale + element(state.bias, k, 0));
    }
    std::map<Output, Tensor> outputs{{Output::y, y}};
    if (training && state.running_mean) outputs.emplace(Output::running_mean, *state.running_mean);
    if (training && state.running_var) outputs.emplace(Output::running_var, *state.running_var);
    return {outputs, {}, {}};
  }
  static double element(const std::optional<Tensor>& tensor, std::size_t k, double otherwise) {
    return tensor ? static_cast<double>(tensor->floats()[k]) : otherwise;
  }
  static void mix(std::optional<Tensor>& running, std::size_t k, double m, double fresh) {
    if (running) running->floats()[k] = static_cast<float>((1 - m) * running->floats()[k] + m * fresh);
  }
  Capabilities can_;
};

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  register_laws("MyBatchNorm", [] { return std::make_unique<MyBatchNorm>(); });
  return RUN_ALL_TESTS();
}
