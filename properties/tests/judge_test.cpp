#include "core/judge.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <set>

#include "laws/catalogue.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float largest = std::numeric_limits<float>::max();
const float nan = std::numeric_limits<float>::quiet_NaN();

Capabilities claiming(Claim claim) {
  Capabilities can;
  can.dialect = *dialect_named("pytorch");
  can.numerics.claim = claim;
  return can;
}

/// The right answer, which a test then changes.
Run right_run(const Case& c) {
  Perfect subject(*dialect_named("pytorch"));
  return Runner(subject).run(c);
}

Tensor& y_of(Run& run) {
  return std::get<Values>(run.replies[0].result).outputs.at(Output::y);
}

/// y = (x − 0)/√(1 + ε): no element is exactly a float.
Run inference_run() {
  return right_run(forward_case(false, {4, 1}, {0.3f, -1.7f, 5.1f, 900}));
}

float stepped(float value, int ulps) {
  for (int k = 0; k < std::abs(ulps); ++k) value = std::nextafter(value, ulps > 0 ? inf : -inf);
  return value;
}

Verdict judged(const Run& run, Claim claim) {
  Verdict verdict;
  judge_call(run, 0, claiming(claim), Judged::in_range, verdict);
  return verdict;
}

TEST(JudgeCall, TakesTheNearestFloatForEveryClaim) {
  for (const Claim claim : {Claim::exact, Claim::faithful, Claim::sound}) {
    const Verdict verdict = judged(inference_run(), claim);
    EXPECT_EQ(verdict.kind, Verdict::Kind::holds);
    EXPECT_LE(verdict.worst_ulps, 0.5);
    EXPECT_GT(verdict.worst_ulps, 0);
  }
}

/// The other neighbour of the exact number is faithful and not exact; the next one is at most sound.
TEST(JudgeCall, HoldsASubjectToItsClaimAndNoMore) {
  auto run = inference_run();
  const ExpectedTensor& expected = run.expected[0].outputs.at(Output::y);
  float& y = y_of(run).floats()[0];
  const float nearest = y;
  const Numerics numerics;
  const int away = expected.error(0, stepped(nearest, 1), numerics).ulps < 1 ? 1 : -1;

  y = stepped(nearest, away);
  EXPECT_EQ(judged(run, Claim::exact).kind, Verdict::Kind::violated);
  EXPECT_EQ(judged(run, Claim::faithful).kind, Verdict::Kind::holds);
  EXPECT_EQ(judged(run, Claim::sound).kind, Verdict::Kind::holds);

  y = stepped(nearest, 2 * away);
  EXPECT_EQ(judged(run, Claim::faithful).kind, Verdict::Kind::violated);
  EXPECT_EQ(judged(run, Claim::sound).kind, Verdict::Kind::holds);

  // A = half an ulp plus 8u·|p|: below 0.5 + 8 ulps and a second-order term, and so less than 20 ulps.
  y = stepped(nearest, 20 * away);
  const Verdict verdict = judged(run, Claim::sound);
  EXPECT_EQ(verdict.kind, Verdict::Kind::violated);
  ASSERT_EQ(verdict.mismatches.size(), 1U);
  EXPECT_EQ(verdict.mismatches[0].index, 0);
  EXPECT_EQ(verdict.mismatches[0].got, y);
  EXPECT_EQ(verdict.mismatches[0].expected, nearest);
  EXPECT_GT(verdict.worst_ratio, 1);
}

/// The error of a NaN is infinite; an infinity counts as 2^128 − 2^103, the smallest number that rounds to
/// it.
TEST(JudgeCall, ANonFiniteValueForAFiniteOneIsWrong) {
  for (const float wrong : {inf, -inf, nan}) {
    auto run = inference_run();
    y_of(run).floats()[1] = wrong;
    for (const Claim claim : {Claim::exact, Claim::faithful, Claim::sound}) {
      const Verdict verdict = judged(run, claim);
      EXPECT_EQ(verdict.kind, Verdict::Kind::violated);
      EXPECT_GT(verdict.worst_ratio, 1e40);
      EXPECT_EQ(std::isinf(verdict.worst_ratio), std::isnan(wrong));
    }
  }
}

TEST(JudgeCall, WantsInfinitiesAndNanWhereTheyAreRight) {
  const Case c = forward_case(false, {3, 1}, {inf, -inf, nan});
  EXPECT_EQ(judged(right_run(c), Claim::sound).kind, Verdict::Kind::holds);
  for (const std::size_t k : {0U, 1U, 2U}) {
    auto run = right_run(c);
    y_of(run).floats()[k] = largest;
    EXPECT_EQ(judged(run, Claim::sound).kind, Verdict::Kind::violated) << k;
  }
}

/// Of 1000 elements 64: the first, the last, one of each part, and each of them with some number.
TEST(JudgeCall, ASampleMovesAndReachesEveryElement) {
  constexpr std::int64_t size = 1000;
  std::set<std::int64_t> reached;
  for (std::uint64_t number = 0; number < 300; ++number) {
    const Sample sample{64, number};
    ASSERT_EQ(sample.count(size), 64);
    std::int64_t before = -1;
    for (std::int64_t k = 0; k < 64; ++k) {
      const std::int64_t i = sample.index(k, size);
      EXPECT_GT(i, before);
      EXPECT_LE(i - before, 32) << k;
      before = i;
      reached.insert(i);
    }
    EXPECT_EQ(sample.index(0, size), 0);
    EXPECT_EQ(before, size - 1);
  }
  // The first and the last part, of 16 and 15 elements, always give the first and the last of them.
  EXPECT_EQ(reached.size(), 1000U - 15 - 14);
  EXPECT_EQ(Sample().count(size), size);
  EXPECT_EQ(Sample().index(7, size), 7);
  EXPECT_EQ((Sample{64, 3}.index(7, 64)), 7);
}

/// Indices of the elements of y that were judged.
class JudgedIndices : public ErrorSink {
 public:
  void take(const Run&, std::size_t, Output output, std::span<const JudgedElement> elements) override {
    if (output != Output::y) return;
    for (const JudgedElement& element : elements) indices.insert(element.index);
  }
  std::set<std::int64_t> indices;
};

/// Two cases of long_sums that differ in their first value alone.
TEST(JudgeCall, LongSumsJudgeOtherElementsInAnotherCase) {
  const auto judged = [](float first) {
    std::vector<float> x(5000, 1);
    x[0] = first;
    Perfect subject(*dialect_named("pytorch"));
    Runner runner(subject);
    JudgedIndices sink;
    runner.set_sink(&sink);
    const Case c = forward_case(true, {5000, 1}, x);
    EXPECT_EQ(check_case(*law_named("long_sums"), c, runner).kind, Verdict::Kind::holds);
    return sink.indices;
  };
  EXPECT_EQ(judged(2).size(), 64U);
  EXPECT_NE(judged(2), judged(3));
  EXPECT_EQ(judged(2), judged(2));
}

TEST(JudgeCall, LooksOnlyWhereItIsAskedTo) {
  auto run = right_run(forward_case(true, {3, 1}, {1, 2, 4}));
  y_of(run).floats()[0] = 7;
  Verdict verdict;
  judge_call(run, 0, claiming(Claim::sound), Judged::in_range, verdict, {Output::running_mean});
  EXPECT_EQ(verdict.kind, Verdict::Kind::holds);
  run.replies[0].state.running_mean->floats()[0] = 7;
  judge_call(run, 0, claiming(Claim::sound), Judged::in_range, verdict, {Output::running_mean});
  EXPECT_EQ(verdict.kind, Verdict::Kind::violated);
}

/// σ² = 1e72 overflows float: such elements are judged by a wider range, where they are judged at all.
TEST(JudgeCall, KeepsTheRangesApart) {
  auto run = right_run(forward_case(true, {2, 1}, {1e36f, -1e36f}));
  y_of(run).floats()[0] = 0;
  Verdict verdict;
  judge_call(run, 0, claiming(Claim::sound), Judged::in_range, verdict, {Output::y});
  EXPECT_EQ(verdict.kind, Verdict::Kind::holds);
  judge_call(run, 0, claiming(Claim::sound), Judged::all, verdict, {Output::y});
  EXPECT_EQ(verdict.kind, Verdict::Kind::violated);
  EXPECT_EQ(verdict.mismatches.size(), 1u);
  EXPECT_FALSE(verdict.mismatches[0].error.in_range);
}

TEST(JudgeCall, SettlesOnAWrongShapeOrAMissingOutput) {
  auto run = inference_run();
  y_of(run).shape = {2, 2};
  EXPECT_THROW(judged(run, Claim::sound), Settled);
  std::get<Values>(run.replies[0].result).outputs.clear();
  EXPECT_THROW(judged(run, Claim::sound), Settled);
  run.replies[0].result = Failure{};
  EXPECT_THROW(judged(run, Claim::sound), Settled);
}

TEST(JudgeCall, KeepsTheWorstFewMismatches) {
  auto run = right_run(forward_case(false, {9, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9}));
  for (std::size_t k = 0; k < 9; ++k) y_of(run).floats()[k] *= 1 + static_cast<float>(k + 1) / 100;
  const Verdict verdict = judged(run, Claim::sound);
  ASSERT_EQ(verdict.mismatches.size(), 5U);
  EXPECT_EQ(verdict.mismatches[0].index, 8);
  for (std::size_t k = 1; k < 5; ++k) {
    EXPECT_LE(verdict.mismatches[k].error.ratio, verdict.mismatches[k - 1].error.ratio);
  }
}

TEST(JudgeState, SeesEveryChange) {
  const Case c = forward_case(false, {2, 1}, {1, 2});
  const auto verdict_after = [&](const std::function<void(State&)>& change) {
    auto run = right_run(c);
    change(run.replies[0].state);
    Verdict verdict;
    judge_state(run, 0, verdict);
    return verdict.kind;
  };
  using Kind = Verdict::Kind;
  EXPECT_EQ(verdict_after([](State&) {}), Kind::holds);
  EXPECT_EQ(verdict_after([](State& s) { s.weight->floats()[0] = 2; }), Kind::violated);
  EXPECT_EQ(verdict_after([](State& s) { s.bias->floats()[0] = -0.0f; }), Kind::violated);
  EXPECT_EQ(verdict_after([](State& s) { s.running_mean->floats()[0] = 1; }), Kind::violated);
  EXPECT_EQ(verdict_after([](State& s) { s.running_var = std::nullopt; }), Kind::violated);
  EXPECT_EQ(verdict_after([](State& s) { s.num_batches_tracked = 1; }), Kind::violated);
}

struct Affine {
  float x, gamma = 1, beta = 0;
};

/// Two runs of y = γ·x + β in inference, with the values a and b for the one element of y.
Verdict agreement(Affine layer, float a, float b, bool bitwise, Claim claim = Claim::sound) {
  Case c = forward_case(false, {1, 1}, {layer.x});
  c.config.eps = 0;
  c.state.weight->floats()[0] = layer.gamma;
  c.state.bias->floats()[0] = layer.beta;
  Run first = right_run(c);
  Run second = right_run(c);
  y_of(first).floats()[0] = a;
  y_of(second).floats()[0] = b;
  Verdict verdict;
  judge_agreement({&first, 0, Output::y, 0}, {&second, 0, Output::y, 0}, bitwise, claiming(claim), verdict);
  return verdict;
}

TEST(JudgeAgreement, IsBitsWhereBitsArePromised) {
  using Kind = Verdict::Kind;
  EXPECT_EQ(agreement({3}, 3, 3, true).kind, Kind::holds);
  EXPECT_EQ(agreement({3}, nan, -nan, true).kind, Kind::holds);
  EXPECT_EQ(agreement({3}, 3, stepped(3, 1), true).kind, Kind::violated);
  EXPECT_EQ(agreement({0}, 0.0f, -0.0f, true).kind, Kind::violated);
  // A claim to be exact implies equal bits as well.
  EXPECT_EQ(agreement({3}, 3, stepped(3, 1), false, Claim::exact).kind, Kind::violated);
}

TEST(JudgeAgreement, IsTheSumOfBothBoundsElsewhere) {
  using Kind = Verdict::Kind;
  // A is 1/2 ulp plus 8u·3 with u = 2^−24 (an ulp of 3 is 2^−22: 6 ulps), for both runs: 13 ulps, and 1 % of
  // that.
  EXPECT_EQ(agreement({3}, 3, stepped(3, 12), false).kind, Kind::holds);
  EXPECT_EQ(agreement({3}, 3, stepped(3, 14), false).kind, Kind::violated);
  EXPECT_EQ(agreement({0}, 0.0f, -0.0f, false).kind, Kind::holds);
  EXPECT_EQ(agreement({3}, 3, nan, false).kind, Kind::violated);
  EXPECT_EQ(agreement({3}, 3, inf, false).kind, Kind::violated);
}

/// 2^128 − 2^103 and more round to infinity; the largest float is 2^128 − 2^104.
TEST(JudgeAgreement, CountsAnInfinityAsTheNumberItWasRoundedFrom) {
  using Kind = Verdict::Kind;
  // The product, 2^126, is in range, and y is exactly the largest float; 8u·2^126 = 2^105 is allowed in
  // either direction.
  const Affine layer{0x1p63f, 0x1p63f, static_cast<float>(3 * 0x1p126 - 0x1p104)};
  EXPECT_EQ(agreement(layer, largest, inf, false).kind, Kind::holds);
  EXPECT_EQ(agreement(layer, -largest, inf, false).kind, Kind::violated);
  EXPECT_EQ(agreement(layer, -inf, inf, false).kind, Kind::violated);
  EXPECT_EQ(agreement(layer, inf, inf, false).kind, Kind::holds);
  EXPECT_EQ(agreement(layer, largest, inf, true).kind, Kind::violated);
}

/// Where the product leaves the range, neither run has a bound, and other laws check it.
TEST(JudgeAgreement, SaysNothingOutOfRange) {
  EXPECT_EQ(agreement({0x1p64f, 0x1p64f, 0}, 1, inf, false).kind, Verdict::Kind::holds);
}

TEST(Same, IsBitsOrBothNan) {
  EXPECT_TRUE(same(nan, std::bit_cast<float>(0xffc00001U)));
  EXPECT_TRUE(same(inf, inf));
  EXPECT_FALSE(same(0.0f, -0.0f));
  EXPECT_FALSE(same(nan, 0));
}

}  // namespace
}  // namespace bncheck::test
