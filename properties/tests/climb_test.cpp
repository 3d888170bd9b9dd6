/// The climb: it goes up, ends as intended, and reports its findings.

#include "search/climb.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "laws/catalogue.hpp"
#include "search/mutate.hpp"
#include "subjects/registry.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using testing::ElementsAre;

Case pair_of(float a, float b) {
  return forward_case(true, {2, 1}, {a, b});
}

const Tensor& x_of(const Case& c) {
  return std::get<Forward>(c.calls.at(0).operation).x;
}

std::vector<double> ratios(const WorstCases& worst) {
  std::vector<double> all;
  for (const RatedCase& rated : worst.cases()) all.push_back(rated.ratio);
  return all;
}

TEST(WorstCases, KeepsTheLargestRatiosInOrder) {
  WorstCases worst;
  for (const double ratio : {1., 5., 3., 0., 9., 2., 8., 4., 7., 6.}) worst.offer(pair_of(0, 1), ratio);
  EXPECT_THAT(ratios(worst), ElementsAre(9, 8, 7, 6, 5, 4, 3, 2));
  worst.offer(pair_of(0, 1), HUGE_VAL);
  worst.offer(pair_of(0, 1), std::nan(""));
  EXPECT_EQ(worst.cases().front().ratio, 9);
}

/// 1 − |x − π| for the first value: a smooth hill with its top at the float next to π.
Verdict near_pi(const Case& c) {
  Verdict verdict;
  if (c.calls.empty()) return Verdict::not_applicable("no call");
  const Tensor& x = x_of(c);
  if (x.size() == 0) return Verdict::not_applicable("no value");
  verdict.worst_ratio = 1 / (1 + std::fabs(static_cast<double>(x.floats()[0]) - 3.14159265358979));
  return verdict;
}

TEST(Climb, ReachesTheTopOfAHill) {
  const Climbed climbed = climb({{pair_of(100, 1), 0.01}}, near_pi, 1, {5000, {}, nullptr});
  EXPECT_EQ(climbed.evaluations, 5000);
  EXPECT_FALSE(climbed.bad.has_value());
  EXPECT_EQ(x_of(climbed.worst.content).floats()[0], 3.14159274f);
  EXPECT_EQ(climbed.worst.ratio, near_pi(climbed.worst.content).worst_ratio);
}

TEST(Climb, FollowsFromTheSeed) {
  const auto run = [](std::uint64_t seed) {
    return climb({{pair_of(100, 1), 0.01}, {pair_of(2, 7), 0.4}}, near_pi, seed, {300, {}, nullptr});
  };
  EXPECT_EQ(run(1).worst.content, run(1).worst.content);
  EXPECT_NE(run(1).worst.content, run(2).worst.content);
}

TEST(Climb, EndsAtTheFirstBadCase) {
  const auto check = [](const Case& c) {
    const Verdict verdict = near_pi(c);
    return verdict.worst_ratio > 0.5 ? Verdict::violated("near pi") : verdict;
  };
  const Climbed climbed = climb({{pair_of(100, 1), 0.01}}, check, 1, {5000, {}, nullptr});
  ASSERT_TRUE(climbed.bad.has_value());
  EXPECT_LT(climbed.evaluations, 5000);
  EXPECT_EQ(climbed.verdict.message, "near pi");
  EXPECT_GT(near_pi(*climbed.bad).worst_ratio, 0.5);
  EXPECT_LE(climbed.worst.ratio, 0.5);
}

TEST(Climb, StopsWhenItIsToldTo) {
  const std::atomic<bool> interrupted = true;
  EXPECT_EQ(climb({{pair_of(100, 1), 0.01}}, near_pi, 1, {{}, {}, &interrupted}).evaluations, 0);
  EXPECT_EQ(climb({}, near_pi, 1, {}).evaluations, 0);
}

/// Properties that every mutation must preserve.
TEST(Mutated, KeepsFinitenessSignsOfVariancesAndWholeTensors) {
  RandomDraws draws(test_seed());
  Case c = forward_case(true, {3, 2, 2}, {1, 2, 3, 3e38f, -5, 6, 7, 8, 0, 1e-40f, 11, 12});
  c.calls.push_back({Backward{Tensor::filled({3, 2, 2}, 1), true, true, true, {}}, {}});
  const Case start = c;
  int different = 0;
  for (int k = 0; k < 5000; ++k) {
    Case next = mutated(c, draws);
    different += next == c ? 0 : 1;
    for (const Call& call : next.calls) {
      const auto* forward = std::get_if<Forward>(&call.operation);
      const Tensor& tensor = forward != nullptr ? forward->x : std::get<Backward>(call.operation).dy;
      ASSERT_TRUE(tensor.is_whole());
      for (const float v : tensor.floats()) ASSERT_TRUE(std::isfinite(v));
    }
    if (next.state.running_var) {
      for (const float v : next.state.running_var->floats()) ASSERT_FALSE(std::signbit(v));
    }
    ASSERT_GT(next.config.eps, 0);
    ASSERT_GE(next.config.momentum.value_or(0), 0);
    ASSERT_LE(next.config.momentum.value_or(0), 1);
    c = next.calls.size() < 2 || x_of(next).size() < 2 ? start : std::move(next);
  }
  EXPECT_GT(different, 4000);
}

TEST(Mutated, AnIndexOfXIsRepeatedInItsGradientToo) {
  RandomDraws draws(test_seed());
  Case c = forward_case(true, {2, 1, 3}, {1, 2, 3, 4, 5, 6});
  c.calls.push_back({Backward{Tensor::filled({2, 1, 3}, 1), true, true, true, {}}, {}});
  int longer = 0;
  for (int k = 0; k < 1000; ++k) {
    const Case next = mutated(c, draws);
    if (next.calls.size() != 2 || x_of(next).size() <= 6) continue;
    ++longer;
    EXPECT_EQ(std::get<Backward>(next.calls[1].operation).dy.shape, x_of(next).shape);
  }
  EXPECT_GT(longer, 0);
}

CheckOptions few_cases() {
  CheckOptions options = test_options();
  options.cases = 20;
  options.shrink_time = std::chrono::hours(1);
  return options;
}

TEST(ClimbLaw, GoesBeyondBlindSampling) {
  const Law& law = *law_named("matches_oracle");
  const auto subject = make_subject("control:two_pass");
  const LawResult blind = check_law(law, *subject, few_cases());
  ASSERT_TRUE(can_climb(blind));
  EXPECT_EQ(blind.worst_cases.cases().front().ratio, blind.worst_ratio);
  const LawResult result = climb_law(blind, *subject, few_cases(), {500, {}, nullptr});
  EXPECT_EQ(result.kind, Verdict::Kind::holds);
  EXPECT_EQ(result.climbed->evaluations, 500);
  EXPECT_GT(result.climbed->worst.ratio, blind.worst_ratio);
}

/// Right, except for an x with a value whose bits end in 10101.
class WrongForAnEnding : public Perfect {
 public:
  WrongForAnEnding() : Perfect(*dialect_named("pytorch")) {}
  Outcome run(const Case& c) override {
    Outcome outcome = Perfect::run(c);
    if (c.calls.empty()) return outcome;
    const auto* forward = std::get_if<Forward>(&c.calls[0].operation);
    auto* values = std::get_if<Values>(&outcome.replies[0].result);
    if (forward == nullptr || values == nullptr) return outcome;
    const bool wrong = std::ranges::any_of(
        forward->x.floats(), [](float v) { return (std::bit_cast<std::uint32_t>(v) & 31) == 21; });
    if (!wrong) return outcome;
    for (float& v : values->outputs.at(Output::y).floats()) v += 1;
    return outcome;
  }
};

TEST(ClimbLaw, AViolationOnTheWayIsShrunkAndReported) {
  const Law& law = *law_named("matches_oracle");
  WrongForAnEnding subject;
  LawResult blind;
  blind.law = &law;
  blind.kind = Verdict::Kind::holds;
  blind.worst_cases.offer(forward_case(true, {4, 1}, {1, 3, 0.3f, 7}), 0.1);
  const LawResult result = climb_law(blind, subject, few_cases(), {5000, {}, nullptr});
  EXPECT_EQ(result.kind, Verdict::Kind::violated);
  EXPECT_FALSE(result.flaky());
  ASSERT_TRUE(result.counterexample.has_value());
  EXPECT_LE(x_of(*result.counterexample).size(), 2U);
  EXPECT_FALSE(can_climb(result));
}

TEST(ClimbLaw, AKnownViolationOnTheWayIsKnown) {
  WrongForAnEnding subject;
  LawResult blind;
  blind.law = law_named("matches_oracle");
  blind.kind = Verdict::Kind::holds;
  blind.worst_cases.offer(forward_case(true, {4, 1}, {1, 3, 0.3f, 7}), 0.1);
  CheckOptions options = few_cases();
  options.is_known = [](const Law&, const Verdict&, Rank) { return true; };
  const LawResult result = climb_law(blind, subject, options, {5000, {}, nullptr});
  EXPECT_EQ(result.kind, Verdict::Kind::violated);
  EXPECT_TRUE(result.known);
}

TEST(ClimbLaw, ALawWithoutARatioCannotClimb) {
  const auto subject = make_subject("bn");
  EXPECT_FALSE(can_climb(check_law(*law_named("momentum_zero"), *subject, few_cases())));
}

}  // namespace
}  // namespace bncheck::test
