// Speed of both passes, with two references measured in the same run: plain float loops, as in many
// implementations, and a copy of the tensor, which is close to the limit. Bytes per second count one read of
// each input and one write of the output, whatever a method really moves.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bn/functional.hpp"

namespace {

struct Problem {
  std::vector<std::int64_t> sizes, strides;
  std::vector<float> x, y, dy, weight, bias, mean, var, dweight, dbias;

  Problem(std::vector<std::int64_t> of, bool channels_last) : sizes(std::move(of)), strides(sizes.size()) {
    std::vector<std::size_t> order(sizes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (channels_last) std::rotate(order.begin() + 1, order.begin() + 2, order.end());
    std::int64_t stride = 1;
    for (std::size_t i = order.size(); i-- > 0; stride *= sizes[order[i]]) strides[order[i]] = stride;
    std::mt19937 engine(1);
    std::normal_distribution<float> draw(0.5F, 2.0F);
    x.resize(static_cast<std::size_t>(stride));
    for (float& value : x) value = draw(engine);
    y.resize(x.size());
    dy.resize(x.size());
    for (float& value : dy) value = draw(engine);
    const auto channels = static_cast<std::size_t>(sizes[1]);
    weight.assign(channels, 1.5F);
    bias.assign(channels, 0.25F);
    mean.assign(channels, 0.5F);
    var.assign(channels, 4.0F);
    dweight.resize(channels);
    dbias.resize(channels);
  }
  [[nodiscard]] bn::Options options() const {
    return {.dimensions = sizes.size() == 2 ? bn::Dimensions::d1 : bn::Dimensions::d2,
            .num_features = sizes[1]};
  }
  [[nodiscard]] bn::TensorView<const float> in() const {
    return bn::TensorView<const float>::strided(x.data(), sizes, strides);
  }
  [[nodiscard]] bn::TensorView<const float> gradient_in() const {
    return bn::TensorView<const float>::strided(dy.data(), sizes, strides);
  }
  // y, or dx
  bn::TensorView<float> out() { return bn::TensorView<float>::strided(y.data(), sizes, strides); }
};

// `tensors`: number of tensors that are read or written.
void count(benchmark::State& state, const Problem& problem, std::size_t tensors = 2) {
  const auto elements = state.iterations() * static_cast<std::int64_t>(problem.x.size());
  state.SetBytesProcessed(elements * static_cast<std::int64_t>(tensors * sizeof(float)));
  state.counters["ns/element"] = benchmark::Counter(
      static_cast<double>(elements) * 1e-9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void train(benchmark::State& state, Problem problem, int threads) {
  std::int64_t counter = 0;
  for (auto _ : state) {
    bn::RunningStatistics running{problem.mean, problem.var, &counter};
    bn::forward_training(problem.options(), {problem.weight, problem.bias}, problem.in(), problem.out(),
                         &running, {}, {threads});
    benchmark::DoNotOptimize(problem.y.data());
  }
  count(state, problem);
}

void infer(benchmark::State& state, Problem problem, int threads) {
  for (auto _ : state) {
    bn::forward_inference(problem.options(), {problem.weight, problem.bias}, problem.in(), problem.out(),
                          problem.mean, problem.var, {threads});
    benchmark::DoNotOptimize(problem.y.data());
  }
  count(state, problem);
}

void backward(benchmark::State& state, Problem problem, int threads) {
  for (auto _ : state) {
    bn::backward_training(problem.options(), {problem.weight, problem.bias}, problem.in(),
                          problem.gradient_in(), {problem.out(), problem.dweight, problem.dbias}, {threads});
    benchmark::DoNotOptimize(problem.y.data());
  }
  count(state, problem, 3);
}

// Reference for channels whose values are neighbours: two passes for the statistics, all in float, then y.
void plain_planes(Problem& problem, std::size_t batch, std::size_t channels, std::size_t inner) {
  const auto values = static_cast<float>(batch * inner);
  for (std::size_t c = 0; c < channels; ++c) {
    const auto each = [&](const auto& visit) {
      for (std::size_t n = 0; n < batch; ++n) {
        const std::size_t begin = (n * channels + c) * inner;
        for (std::size_t i = begin; i < begin + inner; ++i) visit(problem.x[i], problem.y[i]);
      }
    };
    float mean = 0.0F;
    each([&](float x, float&) { mean += x; });
    mean /= values;
    float var = 0.0F;
    each([&](float x, float&) { var += (x - mean) * (x - mean); });
    const float scale = problem.weight[c] / std::sqrt(var / values + 1e-5F);
    each([&, beta = problem.bias[c]](float x, float& y) { y = (x - mean) * scale + beta; });
  }
}

// The same for neighbouring channels.
void plain_rows(Problem& problem, std::size_t rows, std::size_t channels) {
  std::vector<float> mean(channels);
  std::vector<float> scale(channels);
  const auto each = [&](const auto& visit) {
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < channels; ++c) visit(r * channels + c, c);
    }
  };
  each([&](std::size_t i, std::size_t c) { mean[c] += problem.x[i]; });
  for (float& value : mean) value /= static_cast<float>(rows);
  each(
      [&](std::size_t i, std::size_t c) { scale[c] += (problem.x[i] - mean[c]) * (problem.x[i] - mean[c]); });
  for (std::size_t c = 0; c < channels; ++c) {
    scale[c] = problem.weight[c] / std::sqrt(scale[c] / static_cast<float>(rows) + 1e-5F);
  }
  each([&](std::size_t i, std::size_t c) {
    problem.y[i] = (problem.x[i] - mean[c]) * scale[c] + problem.bias[c];
  });
}

// Backward reference for channels whose values are neighbours: both sums in one pass, then dx, all in float,
// with the mean and invstd saved by a forward pass, which bn does not use.
void plain_backward_planes(Problem& problem, std::size_t batch, std::size_t channels, std::size_t inner) {
  const auto values = static_cast<float>(batch * inner);
  for (std::size_t c = 0; c < channels; ++c) {
    const auto each = [&](const auto& visit) {
      for (std::size_t n = 0; n < batch; ++n) {
        const std::size_t begin = (n * channels + c) * inner;
        for (std::size_t i = begin; i < begin + inner; ++i) visit(problem.x[i], problem.dy[i], problem.y[i]);
      }
    };
    const float mean = problem.mean[c];
    const float invstd = 1.0F / std::sqrt(problem.var[c] + 1e-5F);
    float sum = 0.0F;
    float products = 0.0F;
    each([&](float x, float dy, float&) {
      sum += dy;
      products += dy * (x - mean);
    });
    problem.dbias[c] = sum;
    problem.dweight[c] = products * invstd;
    const float slope = products * invstd * invstd / values;
    const float scale = problem.weight[c] * invstd;
    each([=](float x, float dy, float& dx) { dx = (dy - sum / values - (x - mean) * slope) * scale; });
  }
}

// The same for neighbouring channels.
void plain_backward_rows(Problem& problem, std::size_t rows, std::size_t channels) {
  const auto values = static_cast<float>(rows);
  std::vector<float> slope(channels);
  std::vector<float> scale(channels);
  const auto each = [&](const auto& visit) {
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < channels; ++c) visit(r * channels + c, c);
    }
  };
  std::ranges::fill(problem.dbias, 0.0F);
  each([&](std::size_t i, std::size_t c) {
    problem.dbias[c] += problem.dy[i];
    slope[c] += problem.dy[i] * (problem.x[i] - problem.mean[c]);
  });
  for (std::size_t c = 0; c < channels; ++c) {
    const float invstd = 1.0F / std::sqrt(problem.var[c] + 1e-5F);
    problem.dweight[c] = slope[c] * invstd;
    slope[c] *= invstd * invstd / values;
    scale[c] = problem.weight[c] * invstd;
  }
  each([&](std::size_t i, std::size_t c) {
    const float rest = problem.dy[i] - problem.dbias[c] / values;
    problem.y[i] = (rest - (problem.x[i] - problem.mean[c]) * slope[c]) * scale[c];
  });
}

void plain_backward(benchmark::State& state, Problem problem) {
  const auto batch = static_cast<std::size_t>(problem.sizes[0]);
  const auto channels = static_cast<std::size_t>(problem.sizes[1]);
  const std::size_t inner = problem.x.size() / batch / channels;
  for (auto _ : state) {
    if (problem.strides[1] == 1) {
      plain_backward_rows(problem, batch * inner, channels);
    } else {
      plain_backward_planes(problem, batch, channels, inner);
    }
    benchmark::DoNotOptimize(problem.y.data());
  }
  count(state, problem, 3);
}

void plain_float(benchmark::State& state, Problem problem) {
  const auto batch = static_cast<std::size_t>(problem.sizes[0]);
  const auto channels = static_cast<std::size_t>(problem.sizes[1]);
  const std::size_t inner = problem.x.size() / batch / channels;
  for (auto _ : state) {
    if (problem.strides[1] == 1) {
      plain_rows(problem, batch * inner, channels);
    } else {
      plain_planes(problem, batch, channels, inner);
    }
    benchmark::DoNotOptimize(problem.y.data());
  }
  count(state, problem);
}

void copy(benchmark::State& state, Problem problem) {
  for (auto _ : state) {
    std::memcpy(problem.y.data(), problem.x.data(), problem.x.size() * sizeof(float));
    benchmark::DoNotOptimize(problem.y.data());
  }
  count(state, problem);
}

void add(const std::string& name, const Problem& problem) {
  const auto named = [&](const char* what) { return name + "/" + what; };
  benchmark::RegisterBenchmark(named("training").c_str(), train, problem, 0)->UseRealTime();
  benchmark::RegisterBenchmark(named("training, 1 thread").c_str(), train, problem, 1)->UseRealTime();
  benchmark::RegisterBenchmark(named("inference").c_str(), infer, problem, 0)->UseRealTime();
  benchmark::RegisterBenchmark(named("inference, 1 thread").c_str(), infer, problem, 1)->UseRealTime();
  benchmark::RegisterBenchmark(named("plain float training, 1 thread").c_str(), plain_float, problem)
      ->UseRealTime();
  benchmark::RegisterBenchmark(named("backward").c_str(), backward, problem, 0)->UseRealTime();
  benchmark::RegisterBenchmark(named("backward, 1 thread").c_str(), backward, problem, 1)->UseRealTime();
  benchmark::RegisterBenchmark(named("plain float backward, 1 thread").c_str(), plain_backward, problem)
      ->UseRealTime();
  benchmark::RegisterBenchmark(named("memcpy, 1 thread").c_str(), copy, problem)->UseRealTime();
}

}  // namespace

int main(int argc, char** argv) {
  add("32x64x56x56 NCHW", Problem({32, 64, 56, 56}, false));
  add("32x64x56x56 channels-last", Problem({32, 64, 56, 56}, true));
  add("32x512x7x7 NCHW", Problem({32, 512, 7, 7}, false));
  add("4096x32", Problem({4096, 32}, false));
  add("2x3x8x8 NCHW", Problem({2, 3, 8, 8}, false));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
