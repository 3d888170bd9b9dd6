/// Cases of gradients: drawing, shrinking and showing.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "bncheck/walk.hpp"
#include "generate/gradients.hpp"
#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"
#include "report/show_case.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

Capabilities any_capabilities() {
  return Perfect(*dialect_named("pytorch")).can();
}

std::vector<Case> drawn(std::optional<GradientKind> kind, const CaseWish& wish = {}) {
  RandomDraws draws(29);
  std::vector<Case> cases;
  for (int k = 0; k < 200; ++k) cases.push_back(draw_gradient_case(draws, any_capabilities(), wish, kind));
  return cases;
}

const Forward& forward_of(const Case& c) {
  return std::get<Forward>(c.calls[0].operation);
}
const Backward& backward_of(const Case& c) {
  return std::get<Backward>(c.calls[1].operation);
}

TEST(GradientCases, MustSucceedAndWantSomething) {
  int few = 0;
  int moded = 0;
  for (const Case& c : drawn({})) {
    EXPECT_NO_THROW(one_valid_gradient(c, any_capabilities())) << show_case(c);
    const Backward& backward = backward_of(c);
    EXPECT_TRUE(backward.want_dx || backward.want_dweight || backward.want_dbias);
    EXPECT_EQ(backward.dy.shape, forward_of(c).x.shape);
    EXPECT_TRUE(all_finite(backward.dy));
    few += values_per_channel(backward.dy.shape) <= 3 ? 1 : 0;
    moded += backward.training ? 1 : 0;
  }
  EXPECT_GT(few, 40);
  EXPECT_GT(moded, 20);
}

/// Cases of backward_matches_oracle with two forward calls before a gradient, in the same mode or in both: the gradient is
/// that of the second.
TEST(GradientCases, OfTheSecondOfTwoForwardCalls) {
  RandomDraws draws(test_seed());
  int cases = 0;
  int modes = 0;
  for (int k = 0; k < 400; ++k) {
    const Case c = law_named("backward_matches_oracle")->draw(draws, any_capabilities());
    if (c.calls.size() != 3) continue;
    const auto* first = std::get_if<Forward>(&c.calls[0].operation);
    const auto* second = std::get_if<Forward>(&c.calls[1].operation);
    if (first == nullptr || second == nullptr) continue;
    ++cases;
    modes += first->training != second->training ? 1 : 0;
    EXPECT_TRUE(std::holds_alternative<Backward>(c.calls[2].operation));
  }
  EXPECT_GT(cases, 10);
  EXPECT_GT(modes, 5);
}

TEST(GradientCases, ConstantAndOneHotAreWhatTheySay) {
  for (const auto& [kind, most] :
       {std::pair{GradientKind::constant, 1U}, std::pair{GradientKind::one_hot, 2U}}) {
    for (const Case& c : drawn(kind)) {
      const Tensor& dy = backward_of(c).dy;
      const Geometry geometry(dy.shape);
      for (std::int64_t k = 0; k < geometry.channels; ++k) {
        std::set<float> values;
        int zeros = 0;
        for (std::int64_t n = 0; n < geometry.samples; ++n) {
          for (std::int64_t s = 0; s < geometry.spatial; ++s) {
            const float value = dy.floats()[static_cast<std::size_t>(geometry.at(n, k, s))];
            values.insert(value);
            zeros += value == 0 ? 1 : 0;
          }
        }
        EXPECT_LE(values.size(), most);
        if (kind == GradientKind::one_hot) {
          EXPECT_GE(zeros, geometry.samples * geometry.spatial - 1);
        }
      }
    }
  }
}

/// dy like x̂: dx is ε/V of it, so dx is far smaller than dy.
TEST(GradientCases, LikeTheOutputCancels) {
  CaseWish wish;
  wish.training = true;
  wish.regime = Regime::ordinary;
  wish.affine = false;
  wish.shape.min_values = 8;
  int cancelled = 0;
  for (Case c : drawn(GradientKind::like_output, wish)) {
    c.config.eps = 1e-8;
    backward_of(c);
    auto& backward = std::get<Backward>(c.calls[1].operation);
    backward.want_dx = true;
    const Forward& forward = forward_of(c);
    const ExpectedCall expected = expect(c.config, c.state, c.calls[1], any_capabilities().dialect, &forward);
    float largest_dx = 0;
    float largest_dy = 0;
    const Tensor dx = expected.outputs.at(Output::dx).nearest();
    for (const float v : dx.floats()) largest_dx = std::max(largest_dx, std::fabs(v));
    for (const float v : backward.dy.floats()) largest_dy = std::max(largest_dy, std::fabs(v));
    cancelled += largest_dx < 1e-5f * largest_dy ? 1 : 0;
  }
  EXPECT_GT(cancelled, 150);
}

/// x and dy shrink together. At the end there is one channel with the two values that training needs, and dy
/// has the one value that matters.
TEST(GradientCases, ShrinkTogetherWithTheirForwardCall) {
  const auto large = [](const Case& c) {
    if (c.calls.size() != 2 || !std::holds_alternative<Forward>(c.calls[0].operation) ||
        !std::holds_alternative<Backward>(c.calls[1].operation)) {
      return false;
    }
    if (!errors_by_call(c, *dialect_named("pytorch"))[0].empty() ||
        !errors_by_call(c, *dialect_named("pytorch"))[1].empty()) {
      return false;
    }
    const auto dy = backward_of(c).dy.floats();
    return std::ranges::any_of(dy, [](float v) { return v > 100; });
  };
  CaseWish wish;
  wish.training = true;
  int shrunk_cases = 0;
  for (const Case& start : drawn(GradientKind::huge_and_tiny, wish)) {
    if (!large(start) || ++shrunk_cases > 20) continue;
    const Case c = shrunk(start, large);
    EXPECT_EQ(c.config.num_features, 1) << show_case(c);
    EXPECT_EQ(c.config.dimensions, 1);
    EXPECT_EQ(values_per_channel(forward_of(c).x.shape), 2) << show_case(c);
    EXPECT_EQ(backward_of(c).dy.shape, forward_of(c).x.shape);
    EXPECT_EQ(std::ranges::count(backward_of(c).dy.floats(), 0.0f), 1) << show_case(c);
    EXPECT_EQ(c.calls[1].exec, Exec{});
    EXPECT_EQ(backward_of(c).want_dx + backward_of(c).want_dweight + backward_of(c).want_dbias, 1);
  }
  EXPECT_GT(shrunk_cases, 20);
}

TEST(GradientCases, AreShownWithWhatIsWantedAndWhere) {
  Case c = forward_case(true, {2, 1}, {1, 2});
  c.calls.push_back({Backward{Tensor::filled({2, 1}, 3), true, false, true, false}, {}});
  c.calls[1].exec.x.offset = 2;
  c.calls[1].exec.y.order = {1, 0};
  const std::string text = show_case(c);
  EXPECT_NE(text.find("call 1: backward inference dx dbias; dy strides [1, 1] offset 2; dx strides"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("dy [2, 1] ="), std::string::npos) << text;
  const std::string mismatch = show_mismatches(c, {{1, Output::dx, 1, 2.0f, 1.0f, {}}});
  EXPECT_NE(mismatch.find("call 1 dx[1,0]: got 2"), std::string::npos) << mismatch;
}

}  // namespace
}  // namespace bncheck::test
