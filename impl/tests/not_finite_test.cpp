// Values that are not finite, and variances that are not positive: data, channel by channel.
#include "support.hpp"

namespace bn::test {
namespace {

using Bits = std::vector<std::uint32_t>;

// γ·(x−rm)·invstd + β with rm = running mean, rv = running variance. rv + ε is 4 by default, so invstd is
// 1/2. The value is put into a vector and its tail, along a channel and across channels: all give the same
// bits.
std::uint32_t inferred(float x, float gamma, float beta, float mean, float var = 4.0F, double eps = 0.0) {
  constexpr std::int64_t count = 19;
  const std::vector<float> values(count, x);
  Bits all;
  for (const Shape& shape : {Shape{1, 1, count}, Shape{1, count}}) {
    const auto filled = [&](float value) {
      return std::vector<float>(static_cast<std::size_t>(shape[1]), value);
    };
    const Options options{.dimensions = Dimensions::d1, .num_features = shape[1], .eps = eps};
    for (const std::uint32_t y :
         bits(infer(options, {filled(gamma), filled(beta)}, values, shape, filled(mean), filled(var)))) {
      all.push_back(y);
    }
  }
  EXPECT_EQ(all, Bits(all.size(), all.front()));
  return all.front();
}

std::uint32_t pattern(float value) {
  return std::bit_cast<std::uint32_t>(value);
}

TEST(NotFinite, InferenceFollowsTheExtendedRule) {
  EXPECT_EQ(inferred(3.0F, 2.0F, 1.0F, 1.0F), pattern(3.0F));
  EXPECT_EQ(inferred(inf, 2.0F, 1.0F, 1.0F), pattern(inf));
  EXPECT_EQ(inferred(inf, -2.0F, 1.0F, 1.0F), pattern(-inf));
  EXPECT_EQ(inferred(inf, 0.0F, 1.0F, 1.0F), nan_bits);  // 0·∞
  EXPECT_EQ(inferred(inf, 2.0F, 1.0F, inf), nan_bits);   // ∞ − ∞
  EXPECT_EQ(inferred(3.0F, 2.0F, 1.0F, inf), pattern(-inf));
  EXPECT_EQ(inferred(3.0F, inf, 1.0F, 1.0F), pattern(inf));
  EXPECT_EQ(inferred(3.0F, inf, -inf, 1.0F), nan_bits);  // ∞ − ∞
  EXPECT_EQ(inferred(1.0F, inf, 1.0F, 1.0F), nan_bits);  // ∞·0
  EXPECT_EQ(inferred(3.0F, 2.0F, -inf, 1.0F), pattern(-inf));
  EXPECT_EQ(inferred(nan, 2.0F, 1.0F, 1.0F), nan_bits);
  for (const float other :
       {nan, -nan, std::bit_cast<float>(0x7f800001U), std::bit_cast<float>(0xffc12345U)}) {
    EXPECT_EQ(inferred(other, 2.0F, 1.0F, 1.0F), nan_bits);
    EXPECT_EQ(inferred(3.0F, other, 1.0F, 1.0F), nan_bits);
    EXPECT_EQ(inferred(3.0F, 2.0F, other, 1.0F), nan_bits);
    EXPECT_EQ(inferred(3.0F, 2.0F, 1.0F, other), nan_bits);
    EXPECT_EQ(inferred(3.0F, 2.0F, 1.0F, 1.0F, other), nan_bits);
  }
}

TEST(NotFinite, InfiniteVarianceMakesFiniteDifferencesZero) {
  EXPECT_EQ(inferred(3.0F, 2.0F, 0.7F, 1.0F, inf), pattern(0.7F));
  EXPECT_EQ(inferred(3.0F, -2.0F, -0.0F, 1.0F, inf), pattern(0.0F));
  EXPECT_EQ(inferred(inf, 2.0F, 0.7F, 1.0F, inf), nan_bits);
  EXPECT_EQ(inferred(3.0F, 2.0F, 0.7F, inf, inf), nan_bits);
  EXPECT_EQ(inferred(3.0F, inf, 0.7F, 1.0F, inf), nan_bits);
}

TEST(NotFinite, VariancePlusEpsIsDecidedExactly) {
  EXPECT_EQ(inferred(3.0F, 2.0F, 1.0F, 1.0F, 0.0F, 0.0), nan_bits);
  EXPECT_EQ(inferred(3.0F, 2.0F, 1.0F, 1.0F, -4.0F, 0.0), nan_bits);
  EXPECT_EQ(inferred(3.0F, 2.0F, 1.0F, 1.0F, -inf, 1.0), nan_bits);
  EXPECT_EQ(inferred(3.0F, 2.0F, 1.0F, 1.0F, -0.25F, 0.25), nan_bits);
  // rv + ε one step of a double above 0: 2^-54, invstd = 2^27.
  EXPECT_EQ(inferred(3.0F, 2.0F, 1.0F, 1.0F, -0.25F, 0.25 + 0x1p-54), pattern(0x1p29F + 1.0F));
  // rv + ε one step below 0.
  EXPECT_EQ(inferred(3.0F, 2.0F, 1.0F, 1.0F, -0.25F, 0.25 - 0x1p-55), nan_bits);
  // ε that float would flush to nothing beside rv
  EXPECT_EQ(inferred(3.0F, 2.0F, 1.0F, 1.0F, 0.0F, 0x1p-126), pattern(0x1p65F));
}

TEST(NotFinite, OverflowAndUnderflowKeepTheirSign) {
  EXPECT_EQ(inferred(3.0e38F, -4.0F, 0.0F, 0.0F, 1.0F), pattern(-inf));
  EXPECT_EQ(inferred(-0x1p-149F, 1.0F, 0.0F, 0.0F, 16.0F), pattern(-0.0F));
  EXPECT_EQ(inferred(1.0F, -2.0F, -0.0F, 1.0F), pattern(0.0F));
  EXPECT_EQ(inferred(3.0F, 2.0F, -2.0F, 1.0F), pattern(0.0F));
}

TEST(NotFinite, InferenceTouchesNoOtherElement) {
  const Shape shape{3, 2, 20};
  std::vector<float> x = normal_values(numel(shape), 0, 1, 1);
  const Options options = options_for(shape);
  const Bits clean = bits(infer(options, {}, x, shape, {0, 0}, {1, 1}));
  for (const std::size_t at : {std::size_t{0}, std::size_t{17}, std::size_t{119}}) {
    std::vector<float> spoilt = x;
    spoilt[at] = -inf;
    Bits expected = clean;
    expected[at] = pattern(-inf);
    EXPECT_EQ(bits(infer(options, {}, spoilt, shape, {0, 0}, {1, 1})), expected);
  }
}

TEST(NotFinite, TrainingSpoilsItsChannelOnly) {
  const Shape shape{4, 3, 30};
  const std::vector<float> x = normal_values(numel(shape), 1, 2, 1);
  Options options = options_for(shape);
  options.momentum = 0.0;
  const std::vector<float> weight{1.0F, 0.0F, 2.0F};
  const std::vector<float> bias{1.0F, 1.0F, 2.0F};
  std::int64_t counter = 0;
  std::vector<float> clean_mean(3, 1.0F), clean_var(3, 1.0F);
  RunningStatistics clean_running{clean_mean, clean_var, &counter};
  const Trained clean = train(options, {weight, bias}, x, shape, &clean_running);
  for (const float value : {inf, -inf, nan}) {
    for (const std::int64_t place : {0, 7, 29, 119}) {  // in channel 1, logical order
      std::vector<float> spoilt = x;
      spoilt[static_cast<std::size_t>((place / 30 * 3 + 1) * 30 + place % 30)] = value;
      std::vector<float> mean(3, 1.0F), var(3, 1.0F);
      RunningStatistics running{mean, var, &counter};
      const Trained result = train(options, {weight, bias}, spoilt, shape, &running);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const bool in_channel = i / 30 % 3 == 1;
        ASSERT_EQ(pattern(result.y[i]), in_channel ? nan_bits : pattern(clean.y[i])) << i;
      }
      for (std::size_t c = 0; c < 3; ++c) {
        EXPECT_EQ(pattern(result.mean[c]), c == 1 ? nan_bits : pattern(clean.mean[c]));
        EXPECT_EQ(pattern(result.var[c]), c == 1 ? nan_bits : pattern(clean.var[c]));
        EXPECT_EQ(pattern(result.invstd[c]), c == 1 ? nan_bits : pattern(clean.invstd[c]));
        EXPECT_EQ(pattern(mean[c]), c == 1 ? nan_bits : pattern(clean_mean[c]));
        EXPECT_EQ(pattern(var[c]), c == 1 ? nan_bits : pattern(clean_var[c]));
      }
    }
  }
}

// γ = ∞ needs the sign of x − μ, and NaN where it is 0. The values 0.1F + 0.2F + … give a μ close to a float.
TEST(NotFinite, InfiniteWeightInTrainingTellsZeroExactly) {
  const Shape shape{4, 1};
  const std::vector<float> weight{inf};
  const Affine affine{weight, std::nullopt};
  // μ = 1 exactly
  EXPECT_EQ(bits(train(options_for(shape), affine, {1.0F, 0.0F, 2.0F, 1.0F}, shape).y),
            (Bits{nan_bits, pattern(-inf), pattern(inf), nan_bits}));
  // μ = 1 + 2^-25 rounds to the float 1, but is not 1.
  EXPECT_EQ(bits(train(options_for(shape), affine, {1.0F, 0.0F, 2.0F, 1.0F + 0x1p-23F}, shape).y),
            (Bits{pattern(-inf), pattern(-inf), pattern(inf), pattern(inf)}));
  // Beside 2^100, doubles lose 2^-149; only the exact sum distinguishes μ = 2^-149/5 from 0.
  const Shape five{5, 1};
  EXPECT_EQ(bits(train(options_for(five), affine, {1.0F, -0x1p100F, 0x1p100F, 0x1p-149F, 0.0F}, five).y),
            (Bits{pattern(inf), pattern(-inf), pattern(inf), pattern(-inf), pattern(-inf)}));
  EXPECT_EQ(
      bits(train(options_for(five), affine, {0x1p-149F, -0x1p100F, 0x1p100F, -0x1p-149F, 0.0F}, five).y),
      (Bits{pattern(inf), pattern(-inf), pattern(inf), pattern(-inf), nan_bits}));
}

TEST(NotFinite, WeightAndBiasLeaveTheStatisticsAlone) {
  const Shape shape{4, 1};
  const std::vector<float> weight{nan};
  const std::vector<float> bias{inf};
  const Trained result = train(options_for(shape), {weight, bias}, {1, 2, 3, 4}, shape);
  EXPECT_EQ(bits(result.y), Bits(4, nan_bits));
  EXPECT_EQ(result.mean[0], 2.5F);
  EXPECT_EQ(result.var[0], 1.25F);
}

}  // namespace
}  // namespace bn::test
