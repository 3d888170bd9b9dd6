// r ← (1−m)·r + m·s for every momentum.
#include "support.hpp"

namespace bn::test {
namespace {

// Two values a ± b per channel: the mean is a, the unbiased variance 2b².
struct Tracked {
  std::vector<float> mean{0.0F};
  std::vector<float> var{1.0F};
  std::int64_t counter = 0;

  void step(std::optional<double> momentum, float a, float b) {
    RunningStatistics running{mean, var, &counter};
    Options options{.dimensions = Dimensions::d1, .num_features = 1};
    options.momentum = momentum;
    train(options, {}, {a - b, a + b}, {2, 1}, &running);
  }
};

TEST(RunningStatistics, MomentumIsTheWeightOfTheNewValue) {
  Tracked t;
  t.step(0.25, 8.0F, 2.0F);
  EXPECT_EQ(t.mean[0], 2.0F);
  EXPECT_EQ(t.var[0], 2.75F);  // 0.75·1 + 0.25·8
  t.step(0.0, 8.0F, 2.0F);
  EXPECT_EQ(t.mean[0], 2.0F);
  EXPECT_EQ(t.var[0], 2.75F);
  t.step(1.0, 8.0F, 2.0F);
  EXPECT_EQ(t.mean[0], 8.0F);
  EXPECT_EQ(t.var[0], 8.0F);
  t.step(-1.0, 4.0F, 1.0F);
  EXPECT_EQ(t.mean[0], 12.0F);  // 2·8 − 4
  EXPECT_EQ(t.var[0], 14.0F);   // 2·8 − 2
  EXPECT_EQ(t.counter, 4);
}

TEST(RunningStatistics, AbsentMomentumAverages) {
  Tracked t;
  float sum = 0.0F;
  for (int k = 1; k <= 4; ++k) {
    const auto a = static_cast<float>(16 * k);
    t.step(std::nullopt, a, 1.0F);
    sum += a;
    // Each step rounds (1−1/k)·r + (1/k)·a once to float; 1/k itself is off by 2^-53: at most half an ulp per
    // step.
    EXPECT_LE(std::fabs(t.mean[0] - sum / static_cast<float>(k)), static_cast<float>(k) * ulp(sum) / 2);
    EXPECT_EQ(t.var[0], 2.0F);
  }
  EXPECT_EQ(t.mean[0], 40.0F);
}

TEST(RunningStatistics, HugeMomentum) {
  Tracked t;
  t.mean[0] = 5.0F;
  t.var[0] = 2.0F;
  t.step(1.0e308, 5.0F, 1.0F);  // s = r: no change
  EXPECT_EQ(t.mean[0], 5.0F);
  EXPECT_EQ(t.var[0], 2.0F);
  t.step(1.0e308, 6.0F, 2.0F);
  EXPECT_EQ(t.mean[0], inf);
  EXPECT_EQ(t.var[0], inf);
  // 2^1000·2^-126 with r = 0: the product is far outside the range of float, and the statistic far below the
  // spacing of doubles at 1.
  t.mean[0] = 0.0F;
  t.step(0x1p200, 0x1p-126F, 0.0F);
  EXPECT_EQ(t.mean[0], 0x1p74F);
}

TEST(RunningStatistics, WeightOneForgetsHugeValues) {
  Tracked t;
  t.mean[0] = 1.0e30F;
  t.step(1.0, 1.0F, 1.0F);
  EXPECT_EQ(t.mean[0], 1.0F);
}

TEST(RunningStatistics, NotFiniteOnesFollowTheExtendedRule) {
  Tracked t;
  t.mean[0] = inf;
  t.var[0] = -inf;
  t.step(0.5, 1.0F, 1.0F);
  EXPECT_EQ(t.mean[0], inf);
  EXPECT_EQ(t.var[0], -inf);
  t.step(2.0, 1.0F, 1.0F);  // (1−2)·∞
  EXPECT_EQ(t.mean[0], -inf);
  t.step(1.0, 1.0F, 1.0F);  // 0·∞
  EXPECT_EQ(bits(t.mean).front(), nan_bits);
  EXPECT_EQ(bits(t.var).front(), nan_bits);
}

TEST(RunningStatistics, ZeroIsPositive) {
  Tracked t;
  t.mean[0] = -0.0F;
  t.step(0.0, 1.0F, 1.0F);
  EXPECT_EQ(bits(t.mean).front(), 0U);
  t.mean[0] = -0.0F;
  t.step(0.5, 0.0F, 1.0F);
  EXPECT_EQ(bits(t.mean).front(), 0U);
}

}  // namespace
}  // namespace bn::test
