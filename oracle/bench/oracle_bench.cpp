/// Elements per second that the exact oracle answers on one core: C = 32 channels of n = 4096 values from
/// N(0, 1), random weight and bias, dy from N(0, 1).

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

#include "bncheck/expected.hpp"

namespace bncheck {
namespace {

constexpr std::int64_t channels = 32;
constexpr std::int64_t rows = 4;
constexpr std::int64_t side = 32;
constexpr std::int64_t elements = rows * channels * side * side;

struct Workload {
  Config config;
  State state;
  Call training, inference, backward;

  Workload() {
    std::mt19937 engine(1);
    std::normal_distribution<float> normal;
    const auto draw = [&](Shape shape) {
      Tensor tensor = Tensor::filled(std::move(shape), 0);
      for (float& value : tensor.floats()) value = normal(engine);
      return tensor;
    };
    config.dimensions = 2;
    config.num_features = channels;
    state = fresh_state(config);
    state.weight = draw({channels});
    state.bias = draw({channels});
    state.running_mean = draw({channels});
    const Tensor x = draw({rows, channels, side, side});
    training.operation = Forward{true, x};
    inference.operation = Forward{false, x};
    backward.operation = Backward{draw({rows, channels, side, side})};
  }
  ExpectedCall answer(const Call& call) const { return expect(config, state, call, Dialect{}); }
  ExpectedCall gradient(const Call& of) const {
    return expect(config, state, backward, Dialect{}, &std::get<Forward>(of.operation));
  }
};

const Workload& workload() {
  static const Workload instance;
  return instance;
}

void count_elements(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * elements);
}

void training_y(benchmark::State& state) {
  for (auto _ : state) {
    const ExpectedCall answer = workload().answer(workload().training);
    benchmark::DoNotOptimize(answer.outputs.at(Output::y).nearest());
  }
  count_elements(state);
}
BENCHMARK(training_y)->Unit(benchmark::kMillisecond);

void training_statistics_only(benchmark::State& state) {
  for (auto _ : state) {
    const ExpectedCall answer = workload().answer(workload().training);
    for (const Output output :
         {Output::saved_mean, Output::saved_invstd, Output::running_mean, Output::running_var}) {
      benchmark::DoNotOptimize(answer.outputs.at(output).nearest());
    }
  }
  count_elements(state);
}
BENCHMARK(training_statistics_only)->Unit(benchmark::kMillisecond);

void inference_y(benchmark::State& state) {
  for (auto _ : state) {
    const ExpectedCall answer = workload().answer(workload().inference);
    benchmark::DoNotOptimize(answer.outputs.at(Output::y).nearest());
  }
  count_elements(state);
}
BENCHMARK(inference_y)->Unit(benchmark::kMillisecond);

void backward_of(benchmark::State& state, const Call& forward) {
  for (auto _ : state) {
    const ExpectedCall answer = workload().gradient(forward);
    for (const Output output : {Output::dx, Output::dweight, Output::dbias}) {
      benchmark::DoNotOptimize(answer.outputs.at(output).nearest());
    }
  }
  count_elements(state);
}

void training_dx_dweight_dbias(benchmark::State& state) {
  backward_of(state, workload().training);
}
BENCHMARK(training_dx_dweight_dbias)->Unit(benchmark::kMillisecond);

void inference_dx_dweight_dbias(benchmark::State& state) {
  backward_of(state, workload().inference);
}
BENCHMARK(inference_dx_dweight_dbias)->Unit(benchmark::kMillisecond);

/// Time of the three error measures, for a result that is one ulp off everywhere.
void error_of(benchmark::State& state, const ExpectedTensor& exact) {
  Tensor got = exact.nearest();
  for (float& value : got.floats()) value = std::nextafter(value, 0.0f);
  const Numerics numerics;
  for (auto _ : state) {
    double worst = 0;
    for (std::int64_t i = 0; i < elements; ++i) {
      worst = std::max(worst, exact.error(i, got.floats()[static_cast<std::size_t>(i)], numerics).ratio);
    }
    benchmark::DoNotOptimize(worst);
  }
  count_elements(state);
}

void training_error(benchmark::State& state) {
  error_of(state, workload().answer(workload().training).outputs.at(Output::y));
}
BENCHMARK(training_error)->Unit(benchmark::kMillisecond);

void backward_error(benchmark::State& state) {
  error_of(state, workload().gradient(workload().training).outputs.at(Output::dx));
}
BENCHMARK(backward_error)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bncheck
