/// The exact answer to a case, by the oracle alone.

#include <bncheck/case.hpp>
#include <bncheck/expected.hpp>
#include <cstdio>
#include <vector>

int main() {
  using namespace bncheck;
  const Config config;
  const Call call{Forward{true, Tensor::of({2, 1}, std::vector<float>{1, 3})}, {}};
  const ExpectedCall expected = expect(config, fresh_state(config), call, *dialect_named("pytorch"));
  const ExactNumber y = expected.outputs.at(Output::y).value(0);
  std::printf("%.9g\n", static_cast<double>(y.approximate()));
}
