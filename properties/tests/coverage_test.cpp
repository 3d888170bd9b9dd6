/// Coverage: a case is in the expected classes, and classes beyond the subject are not reported as missed.

#include "search/coverage.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "laws/catalogue.hpp"
#include "search/check_law.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

std::vector<std::string> classes_of(const Case& c, std::string_view group) {
  Coverage coverage;
  coverage.add(c);
  std::vector<std::string> names;
  for (std::size_t k = 0; k < coverage_classes().size(); ++k) {
    if (coverage.counts()[k] > 0 && coverage_classes()[k].group == group)
      names.emplace_back(coverage_classes()[k].name);
  }
  return names;
}

Case of_values(const std::vector<float>& x) {
  return forward_case(true, {static_cast<std::int64_t>(x.size()), 1}, x);
}

TEST(CoverageOf, RegimesOfX) {
  using testing::ElementsAre;
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_THAT(classes_of(of_values({0.5f, -1.25f, 0.75f}), "x"), ElementsAre("ordinary"));
  EXPECT_THAT(classes_of(of_values({1000.5f, 1000.625f, 1000.75f}), "x"), ElementsAre("large mean"));
  EXPECT_THAT(classes_of(of_values({2.5f, 2.5f, 2.5f}), "x"), ElementsAre("constant"));
  EXPECT_THAT(classes_of(of_values({2.5f, 2.75f, 2.5f}), "x"), ElementsAre("two values"));
  EXPECT_THAT(classes_of(of_values({1e30f, -1e30f, 2e30f}), "x"), ElementsAre("huge"));
  EXPECT_THAT(classes_of(of_values({1e-40f, -1e-39f, 2e-38f}), "x"), ElementsAre("tiny"));
  EXPECT_THAT(classes_of(of_values({1e-6f, 1e6f, 0.5f}), "x"), ElementsAre("mixed"));
  EXPECT_THAT(classes_of(of_values({0x1.000002p0f, 0x1.000004p0f, 0x1.000006p0f}), "x"),
              ElementsAre("large mean", "ulp neighbours"));
  EXPECT_THAT(classes_of(of_values({1, 2, 3}), "x"), ElementsAre("integers"));
  EXPECT_THAT(classes_of(of_values({0, 0, 0, 0.5f, 0, 0.25f}), "x"), ElementsAre("mostly zeros"));
  EXPECT_THAT(classes_of(of_values({0.5f, inf, 0.25f}), "x"), ElementsAre("not finite"));
}

/// One channel of several is enough for a class.
TEST(CoverageOf, ACaseIsInTheClassesOfAllItsChannels) {
  EXPECT_THAT(classes_of(forward_case(true, {3, 2}, {0.5f, 7, -1.25f, 7, 0.75f, 7}), "x"),
              testing::ElementsAre("ordinary", "constant"));
}

TEST(CoverageOf, Shapes) {
  using testing::ElementsAre;
  const auto shapes = [](const Shape& shape) {
    return classes_of(
        forward_case(true, shape, std::vector<float>(static_cast<std::size_t>(*element_count(shape)))),
        "shape");
  };
  EXPECT_THAT(shapes({0, 3}), ElementsAre("empty"));
  EXPECT_THAT(shapes({2, 1}), ElementsAre("n = 2", "one channel"));
  EXPECT_THAT(shapes({1, 17, 5}), ElementsAre("n <= 8", "more than 16 channels", "one sample"));
  EXPECT_THAT(shapes({32, 2, 1}), ElementsAre("n > 16 in whole vectors", "one position"));
  EXPECT_THAT(shapes({5, 2, 9}), ElementsAre("n > 16 with a vector's tail"));
  EXPECT_THAT(shapes({33, 2, 32}), ElementsAre("n > 16 in whole vectors", "n > 1024"));
}

TEST(CoverageOf, OptionsCallsAndExecution) {
  using testing::ElementsAre;
  Case c = of_values({1, 2});
  EXPECT_THAT(classes_of(c, "option"), ElementsAre("affine", "tracked", "another momentum", "eps 1e-5"));
  EXPECT_THAT(classes_of(c, "call"), ElementsAre("training"));
  EXPECT_THAT(classes_of(c, "execution"), ElementsAre("dense"));
  c.config = {1, 1, 1e-3, std::nullopt, false, false, false};
  c.calls.push_back({Forward{false, Tensor::of({1, 1}, std::vector<float>{1})}, {}});
  c.calls.push_back({SetMomentum{0.5}, {}});
  c.calls[0].exec.x.order = {1, 0};
  c.calls[0].exec.threads = 2;
  c.calls[1].exec.overlap = Overlap::in_place;
  c.calls[1].exec.flush_to_zero = true;
  EXPECT_THAT(classes_of(c, "option"),
              ElementsAre("no affine", "untracked", "cumulative average", "larger eps"));
  c.config.weight = true;
  EXPECT_EQ(classes_of(c, "option").at(0), "weight only");
  std::swap(c.config.weight, c.config.bias);
  EXPECT_EQ(classes_of(c, "option").at(0), "bias only");
  EXPECT_THAT(classes_of(c, "call"),
              ElementsAre("training", "inference", "several forward calls", "set momentum"));
  EXPECT_THAT(classes_of(c, "execution"),
              ElementsAre("dense", "permuted", "in place", "threads", "flush to zero"));
}

/// A damaged case has no regime, and causes no error.
TEST(CoverageOf, ShortTensors) {
  Case c = of_values({1, 2});
  std::get<Forward>(c.calls[0].operation).x.bytes.pop_back();
  EXPECT_TRUE(classes_of(c, "x").empty());
}

TEST(CoverageOf, WhatCannotBeAskedForIsNotMissed) {
  Capabilities can;
  const auto missed = [&](std::string_view name) {
    return std::ranges::any_of(Coverage().never_met(can),
                               [=](const CoverageClass& c) { return c.name == name; });
  };
  EXPECT_EQ(Coverage().never_met(can).size(), coverage_classes().size());
  EXPECT_TRUE(missed("in place") && missed("backward") && missed("weight only") && missed("bias only"));
  can.in_place = can.backward = can.weight_or_bias_alone = false;
  EXPECT_FALSE(missed("in place") || missed("backward") || missed("weight only") || missed("bias only"));
  Coverage met;
  met.add(of_values({1, 2}));
  EXPECT_LT(met.never_met(can).size(), Coverage().never_met(can).size());
}

TEST(CoverageOf, ALawsDrawnCases) {
  Perfect subject(*dialect_named("pytorch"));
  const LawResult result = check_law(*law_named("zero_mean"), subject, test_options());
  EXPECT_EQ(result.coverage.cases(), result.cases);
  Coverage twice = result.coverage;
  twice.add(result.coverage);
  EXPECT_EQ(twice.cases(), 2 * result.cases);
  EXPECT_EQ(twice.counts()[0], 2 * result.coverage.counts()[0]);
}

}  // namespace
}  // namespace bncheck::test
