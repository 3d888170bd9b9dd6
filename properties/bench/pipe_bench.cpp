/// Cost of the way to a foreign subject and back: cases per second, and bytes per second of large tensors.
/// The subjects do almost nothing, and nothing is judged.
///
///     pipe_bench [SUBJECT...] [--benchmark_...]      by default the plugin trivial_plugin.so
///
/// Bytes are those of x and y together.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "subjects/registry.hpp"

namespace {

using namespace bncheck;

Case inference_of(const Shape& shape) {
  Case c;
  c.config.dimensions = 2;
  c.config.num_features = shape[1];
  c.state = fresh_state(c.config);
  c.calls.push_back({Forward{false, Tensor::filled(shape, 1)}, {}});
  return c;
}

void run_cases(benchmark::State& state, Subject& subject, const Case& c) {
  for (auto _ : state) {
    const Outcome outcome = subject.run(c);
    if (outcome.death) {
      state.SkipWithError(outcome.death->detail.c_str());
      break;
    }
  }
  const std::size_t bytes = 2 * std::get<Forward>(c.calls[0].operation).x.bytes.size();
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

}  // namespace

int main(int argc, char** argv) {
  ::setenv("BNCHECK_PROGRAM", BNCHECK_BUILT_PROGRAM, /*overwrite=*/0);  // the host of plugins
  benchmark::Initialize(&argc, argv);
  std::vector<std::string> names(argv + 1, argv + argc);
  if (names.empty()) names.push_back("plugin:" BNCHECK_TRIVIAL_PLUGIN);
  std::vector<std::unique_ptr<Subject>> subjects;
  try {
    for (const std::string& name : names) subjects.push_back(make_subject(name));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pipe_bench: %s\n", error.what());
    return 3;
  }
  const Case small = inference_of({2, 3, 4, 4});
  const Case large = inference_of({16, 16, 256, 256});  // 64 MiB
  for (std::size_t k = 0; k < subjects.size(); ++k) {
    Subject& subject = *subjects[k];
    benchmark::RegisterBenchmark(("small/" + names[k]).c_str(),
                                 [&](benchmark::State& state) { run_cases(state, subject, small); })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark(("64MiB/" + names[k]).c_str(),
                                 [&](benchmark::State& state) { run_cases(state, subject, large); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RunSpecifiedBenchmarks();
}
