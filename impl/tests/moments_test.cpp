// Mean and variance before they are rounded to float, where a lost bit is visible.
#include "channel_sums.hpp"
#include "support.hpp"
#include "targets.hpp"

namespace bn::test {
namespace {

__extension__ using Wide = __int128;

std::vector<ChannelMoments> moments(TensorView<const float> x, int threads = 1) {
  return channel_moments(x.data, Traversal{x}, threads);
}

ChannelMoments moments_of(const std::vector<float>& x) {
  return moments(TensorView<const float>::contiguous(x.data(), Shape{1, 1, std::ssize(x)})).front();
}

// For integers the sums are exact in 128 bits: n·Σ(x−μ)² = n·Σx² − (Σx)², below 2^22·2^70. The allowed error
// is the one derived in channel_sums.cpp, 2^-47; the comparison in long double adds a few 2^-64.
void expect_exact_integers(const std::vector<float>& x) {
  Wide first = 0;
  Wide second = 0;
  for (const float value : x) {
    const auto integer = static_cast<std::int64_t>(value);
    first += integer;
    second += Wide{integer} * integer;
  }
  const auto n = static_cast<Wide>(x.size());
  const auto scaled = static_cast<long double>(n * second - first * first);
  const ChannelMoments found = moments_of(x);
  EXPECT_LE(std::fabs(static_cast<long double>(found.squares) * static_cast<long double>(n) - scaled),
            0x1p-47L * scaled);
  // n·μ = Σx, where n·hi has at most 22 + 53 bits: |n·(hi + lo) − Σx| ≤ n·2^-50·σ
  const long double deviation = std::sqrt(scaled) / static_cast<long double>(n);
  const long double hi = static_cast<long double>(found.mean.hi) - static_cast<long double>(first / n);
  const long double rest = static_cast<long double>(first % n) / static_cast<long double>(n);
  EXPECT_LE(std::fabs((hi - rest) + static_cast<long double>(found.mean.lo)), 0x1p-50L * deviation);
}

TEST(Moments, RandomIntegers) {
  std::mt19937 engine(1);
  for (const std::size_t n : {2U, 5U, 64U, 65U, 255U, 257U, 5000U, 300000U}) {
    for (const float offset : {0.0F, 1000.0F, 1.6e7F}) {
      std::vector<float> x(n);
      for (float& value : x) value = offset + static_cast<float>(engine() % 1000);
      expect_exact_integers(x);
    }
  }
}

// The sample for the first shift begins with the first value. Here that is far from all others, so that the
// first sums lose about 10 bits.
TEST(Moments, OutlierInTheSample) {
  for (const float common : {8388607.0F, 5592405.0F, 3.0F}) {
    std::vector<float> x(std::size_t{1} << 22, common);
    x[0] = -16777215.0F;
    expect_exact_integers(x);
  }
}

TEST(Moments, NearlyConstantAtALargeMean) {
  std::vector<float> x(100000, 16777214.0F);
  x[777] = 16777213.0F;
  expect_exact_integers(x);
  x[778] = 16777215.0F;
  expect_exact_integers(x);
  EXPECT_EQ(moments_of(x).mean.hi, 16777214.0);
  EXPECT_EQ(moments_of(x).mean.lo, 0.0);
}

TEST(Moments, TheMeanIsAFloatExactlyWhereItIs) {
  // Σx = 0 only in exact arithmetic: in double, 2^100 absorbs the rest.
  const ChannelMoments zero = moments_of({0x1p100F, 0x1p-149F, -0x1p100F, -0x1p-149F});
  EXPECT_EQ(zero.mean.hi, 0.0);
  EXPECT_EQ(zero.mean.lo, 0.0);
  const ChannelMoments tiny = moments_of({0x1p100F, 0x1p-149F, -0x1p100F, 0.0F});
  EXPECT_EQ(tiny.mean.hi, 0x1p-151);
  EXPECT_EQ(tiny.mean.lo, 0.0);
}

// Rounding makes a computed mean far from the exact one, which is 2^-149 over a power of two.
TEST(Moments, TinyMeanBesideLargeValues) {
  std::vector<float> x = normal_values(511, 0.0F, 1.0F, 8);
  for (std::size_t i = 0; i < 511; ++i) x[i] = std::ldexp(x[i], static_cast<int>(i % 60));
  for (std::size_t i = 0; i < 511; ++i) x.push_back(-x[510 - i]);
  x.push_back(0x1p-149F);
  x.push_back(0.0F);
  EXPECT_EQ(moments_of(x).mean.hi, 0x1p-159);
  EXPECT_EQ(moments_of(x).mean.lo, 0.0);
}

std::vector<std::uint64_t> bits_of(const std::vector<ChannelMoments>& all) {
  std::vector<std::uint64_t> patterns;
  for (const ChannelMoments& m : all) {
    for (const double value : {m.mean.hi, m.mean.lo, m.squares})
      patterns.push_back(std::bit_cast<std::uint64_t>(value));
  }
  return patterns;
}

// Layouts of (6, 11, 5, 13): contiguous; channels-last; channels-last with a gap after each image, so that a
// block has several pieces that begin anywhere; all strides doubled.
std::vector<Shape> layouts() {
  return {{715, 65, 13, 1}, {715, 1, 143, 11}, {1000, 1, 143, 11}, {1430, 130, 26, 2}};
}

std::vector<std::uint64_t> placed_moments(const Shape& strides, int threads) {
  const Shape shape{6, 11, 5, 13};
  // Values of many magnitudes, so that sums in another order round differently.
  std::vector<float> x = normal_values(numel(shape), 0.3F, 1.0F, 5);
  for (float& value : x) value *= value * value * value * value * value * value;
  std::vector<float> memory(10000);
  for (std::int64_t i = 0; i < numel(shape); ++i) {
    const std::int64_t place =
        i / 715 * strides[0] + i / 65 % 11 * strides[1] + i / 13 % 5 * strides[2] + i % 13 * strides[3];
    memory[static_cast<std::size_t>(place)] = x[static_cast<std::size_t>(i)];
  }
  return bits_of(moments(TensorView<const float>::strided(memory.data(), shape, strides), threads));
}

TEST(Moments, EveryBitIsTheSameInEveryLayout) {
  for (const Shape& strides : layouts()) {
    for (const int threads : {1, 2, 7}) {
      EXPECT_EQ(placed_moments(strides, threads), placed_moments(layouts().front(), 1))
          << shape_name(strides);
    }
  }
}

TEST(Moments, EveryBitIsTheSameOnEveryInstructionSet) {
  for (const Shape& strides : layouts()) {
    const auto expected = placed_moments(strides, 1);
    for (const std::int64_t target : all_targets()) {
      hwy::SetSupportedTargetsForTest(target);
      const auto found = placed_moments(strides, 1);
      hwy::SetSupportedTargetsForTest(0);
      EXPECT_EQ(found, expected) << hwy::TargetName(target);
    }
  }
}

}  // namespace
}  // namespace bn::test
