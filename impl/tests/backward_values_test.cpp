// Results of backward: known numbers, accuracy, exact zeros.
#include "backward_support.hpp"

namespace bn::test {
namespace {

// Parameters that differ from channel to channel.
std::vector<float> weights(std::int64_t channels) {
  std::vector<float> result;
  for (std::int64_t c = 0; c < channels; ++c) result.push_back(0.5F * static_cast<float>(c % 7 - 3) + 0.3F);
  return result;
}

// dy is correlated with x, so that no part of dx is negligible.
std::vector<float> correlated(const std::vector<float>& x, unsigned seed) {
  std::vector<float> dy = normal_values(std::ssize(x), 0.7F, 1.0F, seed);
  for (std::size_t i = 0; i < x.size(); ++i) dy[i] += 0.6F * x[i];
  return dy;
}

void expect_training(const Shape& shape, const std::vector<float>& x, const std::vector<float>& dy) {
  const std::vector<float> weight = weights(shape[1]);
  const Options options = options_for(shape);
  const Graded result = backward(options, {weight, std::nullopt}, x, dy, shape);
  for (std::int64_t c = 0; c < shape[1]; ++c) {
    const auto k = static_cast<std::size_t>(c);
    const TrainingReference reference(
        {channel_of(x, shape, c), channel_of(dy, shape, c), weight[k], options.eps});
    const std::vector<float> dx = channel_of(result.dx, shape, c);
    for (std::size_t i = 0; i < dx.size(); ++i) {
      ASSERT_TRUE(reference.dx[i].accepts(dx[i]))
          << shape_name(shape) << " channel " << c << " value " << i << ": " << dx[i];
    }
    ASSERT_TRUE(reference.dweight.accepts(result.dweight[k])) << shape_name(shape) << " channel " << c;
    ASSERT_TRUE(reference.dbias.accepts(result.dbias[k])) << shape_name(shape) << " channel " << c;
  }
}

// All lengths of a vector's tail, along a channel and across channels.
TEST(BackwardValues, TrainingOfEveryLength) {
  for (std::int64_t n = 2; n <= 70; ++n) {
    const std::int64_t channels = 71 - n;
    for (const Shape& shape : {Shape{n, channels}, Shape{1, channels, n}, Shape{n, 3}, Shape{1, 3, n}}) {
      const std::vector<float> x = normal_values(numel(shape), 3.0F, 2.0F, static_cast<unsigned>(n));
      expect_training(shape, x, correlated(x, 100));
    }
  }
}

TEST(BackwardValues, TrainingOfLargerShapes) {
  for (const Shape& shape : {Shape{5000, 3}, Shape{300, 130}, Shape{3, 5, 17, 31}, Shape{2, 2, 3, 16, 17},
                             Shape{1, 1, 70001}, Shape{2, 65, 16, 16}}) {
    for (const float mean : {0.0F, 1.0e4F}) {
      const std::vector<float> x = normal_values(numel(shape), mean, 2.0F, 5);
      expect_training(shape, x, correlated(x, 6));
    }
  }
}

// The mean of dy is much larger than dy − mean(dy), so it must be subtracted before anything is rounded.
TEST(BackwardValues, LargeMeanOfDy) {
  const Shape shape{700, 2};
  const std::vector<float> x = normal_values(numel(shape), 1.0F, 1.0F, 1);
  expect_training(shape, x, normal_values(numel(shape), -3.0e6F, 1.0F, 2));
}

// n = 3072 values around a mean of 1 + 2^-23/3072, most of them 1. A double cannot hold that mean: it would
// be off by up to 2^-53, which is 2^-18 of its distance from 1. All sums are exact except for relative
// errors.
std::vector<float> nearly_one() {
  std::vector<float> values(3072, 1.0F);
  values[5] += 0x1p-23F;
  for (std::size_t i = 100; i < 200; i += 2) {
    values[i] = 0.0F;
    values[i + 1] = 2.0F;
  }
  return values;
}

// dx of the channel, from planes and, with three equal channels, from rows.
std::vector<float> dx_of_both_layouts(const std::vector<float>& x, const std::vector<float>& dy) {
  const Shape plane{1, 1, std::ssize(x)};
  const std::vector<float> dx = backward(options_for(plane), {}, x, dy, plane).dx;
  const auto thrice = [](const std::vector<float>& values) {
    std::vector<float> rows;
    for (const float value : values) rows.insert(rows.end(), {value, value, value});
    return rows;
  };
  const Shape rows{std::ssize(x), 3};
  EXPECT_EQ(bits(backward(options_for(rows), {}, thrice(x), thrice(dy), rows).dx), bits(thrice(dx)));
  return dx;
}

// x is constant, so dx = (dy−m)/√ε, with a few roundings of 2^-53.
TEST(BackwardValues, TheMeanOfDyIsFinerThanDouble) {
  const std::vector<float> dx = dx_of_both_layouts(std::vector<float>(3072, 0.5F), nearly_one());
  const long double exact = -(0x1p-23L / 3072) / std::sqrt(static_cast<long double>(1e-5));
  for (const std::size_t i : {std::size_t{0}, dx.size() - 1}) {
    EXPECT_TRUE((Bounded{exact, -0x1p-47L * exact}.accepts(dx[i]))) << dx[i];
  }
}

// dy is −1 where x is 0 and 1 where x is 2, else 0: m = 0, T = 50·2 and dx = −(x−μ)·T/(n·V^(3/2)) where dy
// is 0. V has a relative error below 2^-47, so V^(3/2) one below 1.5·2^-47.
TEST(BackwardValues, TheMeanOfXIsFinerThanDouble) {
  const std::vector<float> x = nearly_one();
  std::vector<float> dy(x.size(), 0.0F);
  for (std::size_t i = 100; i < 200; i += 2) {
    dy[i] = -1.0F;
    dy[i + 1] = 1.0F;
  }
  const std::vector<float> dx = dx_of_both_layouts(x, dy);
  const long double v = Reference(x).var + 1e-5;
  const long double exact = (0x1p-23L / 3072) * 100 / (3072 * v * std::sqrt(v));
  for (const std::size_t i : {std::size_t{0}, dx.size() - 1}) {
    EXPECT_TRUE((Bounded{exact, 0x1p-46L * exact}.accepts(dx[i]))) << dx[i];
  }
}

// σ² = 2 and ε = 2: invstd is 1/2, and everything is a multiple of a power of two.
TEST(BackwardValues, KnownNumbers) {
  const Shape shape{4, 1};
  Options options = options_for(shape);
  options.eps = 2.0;
  const std::vector<float> weight{3.0F};
  const std::vector<float> x{12, 8, 10, 10};
  // m = 3, T = 2·2 + (−2)·(−2) = 8, k = 8/16
  const std::vector<float> dy{5, 1, 2, 4};
  const Graded training = backward(options, {weight, std::nullopt}, x, dy, shape);
  EXPECT_EQ(training.dx, (std::vector<float>{1.5F, -1.5F, -1.5F, 1.5F}));
  EXPECT_EQ(training.dweight[0], 4.0F);
  EXPECT_EQ(training.dbias[0], 12.0F);
  // V = 2 + 2, x − rm = 3, −1, 1, 1
  const Graded inference = backward(options, {weight, std::nullopt}, x, dy, shape, Running{{9}, {2}});
  EXPECT_EQ(inference.dx, (std::vector<float>{7.5F, 1.5F, 3.0F, 6.0F}));
  EXPECT_EQ(inference.dweight[0], 10.0F);
  EXPECT_EQ(inference.dbias[0], 12.0F);
  // γ = 1 without a weight.
  EXPECT_EQ(backward(options, {}, x, dy, shape).dx, (std::vector<float>{0.5F, -0.5F, -0.5F, 0.5F}));
}

// dx₁ = −dx₂ = γ·(dy₁−dy₂)/2·ε/V^(3/2), for any ratio of ε to V and of dy₁ to dy₂. Every factor has a
// relative error of a few 2^-53, except V with 2^-47: in all less than 1.5·2^-47 + 2^-49. The difference of
// two floats is off by 2^-64 of itself here.
TEST(BackwardValues, TwoValuesDoNotCancel) {
  const Shape shape{2, 1};
  for (const float distance : {0.0F, 1.0e-20F, 1.0e-3F, 1.0F, 1.0e4F, 1.0e19F, 3.0e38F}) {
    for (const auto& [first, second] : {std::pair{1.0F, 1.0F + 0x1p-23F},
                                        {1.0e30F, 1.0F},
                                        {-2.0F, 1.0e-30F},
                                        {5.0e-45F, 1.0e-45F},
                                        {3.0e38F, -3.0e38F},
                                        {0x1p30F, 0x1.8p1F}}) {
      const std::vector<float> x{0.0F, distance};
      const std::vector<float> weight{-1.7F};
      const Graded result = backward(options_for(shape), {weight, std::nullopt}, x, {first, second}, shape);
      const long double half = static_cast<long double>(distance) / 2;
      const long double v = half * half + 1e-5;
      const long double exact = -1.7F * ((static_cast<long double>(first) - second) / 2) *
                                (static_cast<long double>(1e-5) / v / std::sqrt(v));
      EXPECT_TRUE((Bounded{exact, 0x1p-46L * std::fabs(exact)}.accepts(result.dx[0])))
          << distance << " " << first << " " << second << ": " << result.dx[0];
      EXPECT_EQ(result.dx[1], -result.dx[0]);
      const long double dweight = (static_cast<long double>(second) - first) * half / std::sqrt(v);
      EXPECT_TRUE((Bounded{dweight, 0x1p-46L * std::fabs(dweight)}.accepts(result.dweight[0])));
    }
  }
}

TEST(BackwardValues, ConstantDyGivesPlusZero) {
  for (const float value : {0.1F, -3.0F, 1.0e30F, 0x1p-149F, -0.0F}) {
    for (const float gamma : {2.0F, -2.0F}) {
      for (const Shape& shape : {Shape{2, 3}, Shape{3, 3}, Shape{1, 3, 67}, Shape{1000, 3}}) {
        const std::vector<float> x = normal_values(numel(shape), 1.0F, 1.0F, 3);
        const std::vector<float> dy(x.size(), value);
        const std::vector<float> weight(3, gamma);
        const Graded result = backward(options_for(shape), {weight, std::nullopt}, x, dy, shape);
        EXPECT_EQ(bits(result.dx), std::vector<std::uint32_t>(x.size(), 0U)) << value;
        EXPECT_EQ(bits(result.dweight), std::vector<std::uint32_t>(3, 0U));
        const auto n = static_cast<double>(numel(shape) / 3);
        // n·value has less than 53 bits; adding 0 makes −0 +0
        const auto sum = static_cast<float>(n * static_cast<double>(value) + 0.0);
        EXPECT_EQ(bits(result.dbias), bits(std::vector<float>(3, sum)));
      }
    }
  }
}

// A constant channel has x̂ = 0: dx = γ/√ε·(dy − m), and dγ = +0. ε = 1/4.
TEST(BackwardValues, ConstantX) {
  const Shape shape{4, 1};
  Options options = options_for(shape);
  options.eps = 0.25;
  const Graded result = backward(options, {}, {0.1F, 0.1F, 0.1F, 0.1F}, {1, 2, 3, 6}, shape);
  EXPECT_EQ(bits(result.dx), bits({{-4.0F, -2.0F, 0.0F, 6.0F}}));
  EXPECT_EQ(bits(result.dweight).front(), 0U);
}

TEST(BackwardValues, ZeroWeightGivesPlusZero) {
  const Shape shape{20, 1};
  const std::vector<float> x = normal_values(20, 1.0F, 1.0F, 3);
  for (const float zero : {0.0F, -0.0F}) {
    const std::vector<float> weight{zero};
    const Affine affine{weight, std::nullopt};
    EXPECT_EQ(bits(backward(options_for(shape), affine, x, correlated(x, 4), shape).dx),
              std::vector<std::uint32_t>(20, 0U));
    EXPECT_EQ(bits(backward(options_for(shape), affine, x, correlated(x, 4), shape, Running{{0}, {1}}).dx),
              std::vector<std::uint32_t>(20, 0U));
  }
}

// Σdx = 0, apart from the roundings to float, ½ulp each, and the errors before them.
TEST(BackwardValues, DxSumsToZero) {
  for (const Shape& shape : {Shape{37, 1}, Shape{4000, 1}}) {
    const std::vector<float> x = normal_values(shape[0], -4.0F, 3.0F, 8);
    const std::vector<float> dy = correlated(x, 9);
    const TrainingReference reference({x, dy});
    const Graded result = backward(options_for(shape), {}, x, dy, shape);
    long double sum = 0;
    long double allowed = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      sum += static_cast<long double>(result.dx[i]);
      allowed += ulp(reference.dx[i].value) / 2 + 1.01L * reference.dx[i].error;
    }
    EXPECT_LE(std::fabs(sum), allowed);
  }
}

// The sum of dy, exact where the terms cancel.
TEST(BackwardValues, DbiasIsExactWhereDyCancels) {
  std::vector<float> dy = normal_values(500, 0.0F, 1.0e6F, 1);
  const std::vector<float> half = dy;
  for (const float value : half) dy.push_back(-value);
  const std::vector<float> x = normal_values(std::ssize(dy), 0.0F, 1.0F, 2);
  const Shape shape{1000, 1};
  EXPECT_EQ(bits(backward(options_for(shape), {}, x, dy, shape).dbias).front(), 0U);
  dy[0] += 1.0F;
  const auto rest = static_cast<float>(static_cast<double>(dy[0]) - static_cast<double>(half[0]));
  EXPECT_EQ(backward(options_for(shape), {}, x, dy, shape).dbias[0], rest);
  EXPECT_EQ(backward(options_for(shape), {}, x, dy, shape, Running{{0}, {1}}).dbias[0], rest);
}

// The sum is 2^-28 above a midpoint of two floats, here an odd number, and n times its mean in double may be
// that midpoint. All sums of these values are exact, so dβ must be the sum rounded once: up.
TEST(BackwardValues, DbiasIsRoundedOnce) {
  for (std::int64_t n = 3; n <= 60; ++n) {
    for (std::int64_t midpoint = (1 << 25) - 61; midpoint < 1 << 25; midpoint += 2) {
      std::vector<float> dy(static_cast<std::size_t>(n), static_cast<float>(midpoint / (n - 1)));
      dy[0] += static_cast<float>(midpoint % (n - 1));
      dy.back() = 0x1p-28F;
      const Shape shape{n, 1};
      const Graded result = backward(options_for(shape), {}, dy, dy, shape);
      ASSERT_EQ(result.dbias[0], static_cast<float>(midpoint + 1)) << n;
    }
  }
}

// dx: three roundings of 2^-53 and the error of V, below 2^-50 of itself. dγ: 28·2^-53 < 2^-48 of
// Σ|dy·(x−rm)|·invstd (backward.cpp), n·2^-62 of the same here. dβ: n·2^-50 times the deviation of dy, which
// is below twice the largest |dy|, and n·2^-64·Σ|dy| here.
void expect_inference_channel(const GradedChannel& channel, float mean, float var,
                              const std::vector<float>& dx, float dweight, float dbias) {
  const long double invstd =
      1 / std::sqrt(static_cast<long double>(var) + static_cast<long double>(channel.eps));
  const auto n = static_cast<long double>(channel.x.size());
  Bounded products{0, 0};
  Bounded sum{0, 0};
  long double most = 0;
  for (std::size_t i = 0; i < channel.x.size(); ++i) {
    const auto g = static_cast<long double>(channel.dy[i]);
    const long double exact = g * static_cast<long double>(channel.gamma) * invstd;
    ASSERT_TRUE((Bounded{exact, 0x1p-50L * std::fabs(exact)}.accepts(dx[i])));
    const long double term = g * (static_cast<long double>(channel.x[i]) - mean) * invstd;
    products.value += term;
    products.error += (0x1p-48L + n * 0x1p-62L) * std::fabs(term);
    sum.value += g;
    sum.error += n * 0x1p-64L * std::fabs(g);
    most = std::max(most, std::fabs(g));
  }
  sum.error += n * 0x1p-49L * most;
  ASSERT_TRUE(products.accepts(dweight)) << mean << " " << dweight;
  ASSERT_TRUE(sum.accepts(dbias)) << dbias;
}

TEST(BackwardValues, Inference) {
  for (const Shape& shape :
       {Shape{1, 5, 1}, Shape{2, 3}, Shape{67, 70}, Shape{1, 3, 67}, Shape{3000, 2}, Shape{2, 5, 7, 9}}) {
    const std::vector<float> x = normal_values(numel(shape), 1.0F, 2.0F, 1);
    const std::vector<float> dy = correlated(x, 2);
    const std::vector<float> weight = weights(shape[1]);
    for (const float mean : {0.5F, -1.0e7F, 1.0e30F}) {
      Running running;
      for (std::size_t c = 0; c < weight.size(); ++c) {
        running.mean.push_back(mean * (1.0F + 0.25F * static_cast<float>(c)));
        running.var.push_back(0.7F + 0.3F * static_cast<float>(c));
      }
      const Options options = options_for(shape);
      const Graded result = backward(options, {weight, std::nullopt}, x, dy, shape, running);
      for (std::int64_t c = 0; c < shape[1]; ++c) {
        const auto k = static_cast<std::size_t>(c);
        SCOPED_TRACE(shape_name(shape) + " channel " + std::to_string(c));
        expect_inference_channel({channel_of(x, shape, c), channel_of(dy, shape, c), weight[k], options.eps},
                                 running.mean[k], running.var[k], channel_of(result.dx, shape, c),
                                 result.dweight[k], result.dbias[k]);
      }
    }
  }
}

TEST(BackwardValues, OverflowOnlyWhereTheResultDoes) {
  const float most = std::numeric_limits<float>::max();
  const Shape shape{4, 1};
  Options options = options_for(shape);
  options.eps = 0x1p127;
  const std::vector<float> x{most, -most, most, -most};
  // σ² = 2^256, x̂ = ±1 up to 2^-129; dγ = Σdy·x̂ = 4·(most/8)
  const std::vector<float> dy{most / 8, -most / 8, most / 8, -most / 8};
  EXPECT_EQ(backward(options, {}, x, dy, shape).dweight[0], most / 2);
  EXPECT_EQ(backward(options, {}, x, {most, -most, most, -most}, shape).dweight[0], inf);
  EXPECT_EQ(backward(options, {}, x, {most, most, most, most}, shape).dbias[0], inf);
  // invstd = 2^63 and γ·invstd = 2^127·2^63, beyond float, times differences of 2^-149
  options.eps = 0x1p-126;
  const std::vector<float> weight{0x1p127F};
  const Graded small = backward(options, {weight, std::nullopt}, {0, 0, 0, 0},
                                {0x1p-149F, -0x1p-149F, 0x1p-148F, -0x1p-148F}, shape);
  EXPECT_EQ(small.dx, (std::vector<float>{0x1p41F, -0x1p41F, 0x1p42F, -0x1p42F}));
  // A result that rounds to zero keeps its sign
  const std::vector<float> least{-0x1p-149F};
  options.eps = 4.0;
  EXPECT_EQ(bits(backward(options, {least, std::nullopt}, {0, 0, 0, 0}, {0.25F, -0.25F, 0, 0}, shape).dx),
            bits({{-0.0F, 0.0F, 0.0F, 0.0F}}));
}

}  // namespace
}  // namespace bn::test
