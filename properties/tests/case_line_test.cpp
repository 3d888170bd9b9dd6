#include "report/case_line.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support.hpp"

namespace bncheck::test {
namespace {

TEST(CaseLine, AFreshLayerIsItsCalls) {
  EXPECT_EQ(show_case_line(forward_case(true, {2, 1}, {0, 1.5F})),
            "BatchNorm1d(1); forward training x [2, 1] = 0 1.5");
  EXPECT_EQ(show_case_line(forward_case(false, {1, 2, 1}, {3, 3})),
            "BatchNorm1d(2); forward inference x [1, 2, 1] = all 3");
}

TEST(CaseLine, NamesWhatIsUnusual) {
  Case c = forward_case(true, {2, 2}, {0, -0.0F, 1, std::numeric_limits<float>::infinity()});
  c.config.eps = 0.5;
  c.config.momentum = std::nullopt;
  c.state.weight = vector_of({2, -1});
  c.state.running_var = vector_of({1, 1, 1});
  c.state.num_batches_tracked = 7;
  EXPECT_EQ(show_case_line(c),
            "BatchNorm1d(2), eps 0.5, momentum cumulative, weight 2 -1, running_var [3] all 1, "
            "num_batches_tracked 7; forward training x [2, 2] = 0 -0 1 inf");
  c = forward_case(true, {2, 1}, {0, 1});
  c.config.weight = c.config.bias = c.config.track_running_stats = false;
  c.state = fresh_state(c.config);
  EXPECT_EQ(show_case_line(c),
            "BatchNorm1d(1), affine = false, track_running_stats = false; forward training x [2, 1] = 0 1");
  c.state.bias = vector_of({1});
  EXPECT_NE(show_case_line(c).find(", bias [1] 1;"), std::string::npos);
  c.config.weight = true;
  EXPECT_TRUE(show_case_line(c).starts_with("BatchNorm1d(1), weight only, track")) << show_case_line(c);
  std::swap(c.config.weight, c.config.bias);
  EXPECT_TRUE(show_case_line(c).starts_with("BatchNorm1d(1), bias only, track")) << show_case_line(c);
}

TEST(CaseLine, ShowsEveryKindOfCall) {
  Case c = forward_case(true, {2, 1}, {0, 1});
  c.calls[0].exec.x = {{1, 0}, {}, 3};
  c.calls[0].exec.threads = 2;
  Backward backward{Tensor::of({2, 1}, vector_of({1, 0}).floats())};
  backward.want_dbias = false;
  c.calls.push_back({backward, {}});
  c.calls.push_back({SetMomentum{0.5}, {}});
  State loaded = fresh_state(c.config);
  c.calls.push_back({Load{loaded}, {}});
  loaded.bias = vector_of({1});
  c.calls.push_back({Load{loaded}, {}});
  EXPECT_EQ(show_case_line(c),
            "BatchNorm1d(1); forward training x [2, 1] = 0 1 x strides [1, 2] offset 3 2 threads; "
            "backward dx dweight dy [2, 1] = 1 0; set momentum 0.5; load a fresh state; load bias 1");
}

TEST(CaseLine, CutsLongTensorsAndTakesAnyState) {
  std::vector<float> values(40);
  values[0] = 1;
  const std::string line = show_case_line(forward_case(true, {40, 1}, values));
  EXPECT_TRUE(line.ends_with("= 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 ...")) << line;
  Case strange = forward_case(true, {1, 1}, {0});
  strange.config.num_features = std::numeric_limits<std::int64_t>::max();
  EXPECT_NE(show_case_line(strange).find("weight [1] 1"), std::string::npos);
}

TEST(VerdictLine, IsTheWorstMismatchOrTheMessage) {
  Verdict verdict = Verdict::violated("wrong");
  EXPECT_EQ(show_verdict_line(verdict), "wrong");
  verdict.mismatches.push_back({1, Output::dx, 3, 2, 0.5F, {}});
  EXPECT_EQ(show_verdict_line(verdict), "call 1 dx[3]: got 2, expected 0.5");
}

}  // namespace
}  // namespace bncheck::test
