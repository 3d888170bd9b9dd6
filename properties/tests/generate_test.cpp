/// Properties of the generators: regimes, shapes, and cases that must succeed.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <set>

#include "generate/cases.hpp"
#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

/// Many channels of one regime.
std::vector<std::vector<float>> drawn(Regime regime, std::size_t count) {
  RandomDraws draws(17);
  std::vector<std::vector<float>> channels;
  for (int k = 0; k < 300; ++k) {
    // Numbers of float32, which a float holds.
    std::vector<float>& channel = channels.emplace_back();
    for (const double v : draw_values(draws, regime, count)) channel.push_back(static_cast<float>(v));
  }
  return channels;
}

std::set<std::uint32_t> distinct(const std::vector<float>& values) {
  std::set<std::uint32_t> bits;
  for (const float value : values) bits.insert(std::bit_cast<std::uint32_t>(value));
  return bits;
}

TEST(Regimes, FiniteOnesAreFinite) {
  for (const Regime regime : finite_regimes()) {
    for (const std::vector<float>& channel : drawn(regime, 20)) {
      ASSERT_EQ(channel.size(), 20U);
      for (const float x : channel) EXPECT_TRUE(std::isfinite(x)) << name_of(regime) << " drew " << x;
    }
  }
}

TEST(Regimes, EachHasANameAndSpecialIsNotFinite) {
  std::set<std::string_view> names{name_of(Regime::special)};
  for (const Regime regime : finite_regimes()) names.insert(name_of(regime));
  EXPECT_EQ(names.size(), finite_regimes().size() + 1);
  EXPECT_EQ(std::ranges::count(finite_regimes(), Regime::special), 0);
}

TEST(Regimes, ConstantIsOneValue) {
  for (const auto& channel : drawn(Regime::constant, 9)) EXPECT_EQ(distinct(channel).size(), 1U);
}

TEST(Regimes, TwoValuedHasAtMostTwo) {
  std::size_t both = 0;
  for (const auto& channel : drawn(Regime::two_valued, 9)) {
    const std::size_t count = distinct(channel).size();
    EXPECT_LE(count, 2U);
    both += count == 2 ? 1 : 0;
  }
  EXPECT_GT(both, 250U);
}

TEST(Regimes, HugeSquaresOverflowAndTinyOnesVanish) {
  bool overflows = false;
  for (const auto& channel : drawn(Regime::huge, 9)) {
    for (const float x : channel) {
      EXPECT_GE(std::fabs(x), 0x1p50f);
      overflows = overflows || std::isinf(x * x);
    }
  }
  EXPECT_TRUE(overflows);
  bool subnormal = false;
  for (const auto& channel : drawn(Regime::tiny, 9)) {
    for (const float x : channel) {
      EXPECT_LT(std::fabs(x), 0x1p-119f);
      subnormal = subnormal || std::fpclassify(x) == FP_SUBNORMAL;
    }
  }
  EXPECT_TRUE(subnormal);
}

TEST(Regimes, LargeMeanIsFarFromZero) {
  int farther = 0;
  for (const auto& channel : drawn(Regime::large_mean, 64)) {
    double mean = 0;
    double squares = 0;
    for (const float x : channel) mean += static_cast<double>(x) / 64;
    for (const float x : channel)
      squares += (static_cast<double>(x) - mean) * (static_cast<double>(x) - mean);
    farther += std::fabs(mean) > 100 * std::sqrt(squares / 64) ? 1 : 0;
  }
  // |μ| is at least 10 and the spread at most 4; exponents 3 to 20 and −3 to 2 are mostly far apart.
  EXPECT_GT(farther, 150);
}

/// Consecutive floats: the codes differ by at most three.
TEST(Regimes, UlpNeighboursAreNeighbours) {
  for (const auto& channel : drawn(Regime::ulp_neighbours, 9)) {
    const float low = std::ranges::min(channel);
    float next = low;
    std::set<float> near{low};
    for (int k = 0; k < 3; ++k) near.insert(next = std::nextafter(next, std::numeric_limits<float>::max()));
    for (const float x : channel) EXPECT_TRUE(near.contains(x));
  }
}

TEST(Regimes, IntegersAreSmallIntegers) {
  for (const auto& channel : drawn(Regime::integers, 9)) {
    for (const float x : channel) EXPECT_TRUE(x == std::trunc(x) && std::fabs(x) <= 8) << x;
  }
}

TEST(Regimes, SparseIsMostlyZeroAndNeverNegative) {
  std::int64_t zeros = 0;
  for (const auto& channel : drawn(Regime::sparse, 100)) {
    for (const float x : channel) EXPECT_GE(x, 0);
    zeros += std::ranges::count(channel, 0.0f);
  }
  // Binomial(30000, 2/3) has standard deviation 81.6; more than eight of them have a probability below 1e-14.
  EXPECT_NEAR(static_cast<double>(zeros), 20000, 8 * 82);
}

TEST(Regimes, SpecialDrawsEveryKindOfValue) {
  bool nan = false;
  bool plus = false;
  bool minus = false;
  bool minus_zero = false;
  for (const auto& channel : drawn(Regime::special, 30)) {
    for (const float x : channel) {
      nan = nan || std::isnan(x);
      plus = plus || (std::isinf(x) && x > 0);
      minus = minus || (std::isinf(x) && x < 0);
      minus_zero = minus_zero || (x == 0 && std::signbit(x));
    }
  }
  EXPECT_TRUE(nan && plus && minus && minus_zero);
}

TEST(Values, OrdinaryHasMeanZeroAndVarianceOne) {
  RandomDraws draws(23);
  double sum = 0;
  double squares = 0;
  constexpr int count = 40000;
  for (int k = 0; k < count; ++k) {
    const auto x = static_cast<double>(draw_ordinary(draws));
    sum += x;
    squares += x * x;
  }
  // Standard deviations 1/200 and below √2/200; eight of them.
  EXPECT_NEAR(sum / count, 0, 8.0 / 200);
  EXPECT_NEAR(squares / count, 1, 8 * 1.42 / 200);
}

TEST(Values, AnyFiniteReachesAllExponentsAndNothingElse) {
  RandomDraws draws(29);
  std::set<std::uint32_t> exponents;
  for (int k = 0; k < 20000; ++k) {
    const float x = draw_any_finite(draws);
    ASSERT_TRUE(std::isfinite(x));
    exponents.insert(std::bit_cast<std::uint32_t>(x) >> 23 & 0xff);
  }
  EXPECT_EQ(exponents.size(), 255U);
}

TEST(Shapes, KeepTheirBounds) {
  RandomDraws draws(31);
  for (int round = 0; round < 3000; ++round) {
    const int dimensions = static_cast<int>(draws.between(1, 3));
    const ShapeWish wish{draws.between(1, 5), draws.between(20, 600)};
    const Shape shape = draw_shape(draws, dimensions, wish);
    if (dimensions == 1) {
      EXPECT_TRUE(shape.size() == 2 || shape.size() == 3);
    } else {
      EXPECT_EQ(shape.size(), static_cast<std::size_t>(dimensions) + 2);
    }
    EXPECT_GE(std::ranges::min(shape), 1) << to_string(shape);
    EXPECT_GE(values_per_channel(shape), wish.min_values) << to_string(shape);
    // Raising N to the wanted number of values per channel costs at most this factor.
    EXPECT_LE(element_count(shape).value(), wish.max_elements * wish.min_values) << to_string(shape);
  }
}

TEST(Shapes, ReachEveryRankSizeOneAndVectorTails) {
  RandomDraws draws(37);
  std::set<std::size_t> ranks;
  std::set<std::int64_t> innermost;
  std::set<std::int64_t> channels;
  bool two_values = false;
  for (int round = 0; round < 5000; ++round) {
    const Shape shape = draw_shape(draws, static_cast<int>(draws.between(1, 3)));
    ranks.insert(shape.size());
    innermost.insert(shape.back());
    channels.insert(shape[1]);
    two_values = two_values || values_per_channel(shape) == 2;
  }
  EXPECT_EQ(ranks, (std::set<std::size_t>{2, 3, 4, 5}));
  EXPECT_TRUE(two_values);
  // One below, at and above the lengths of vectors of 4, 8 and 16 floats.
  for (const std::int64_t size : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33}) {
    EXPECT_TRUE(innermost.contains(size)) << size;
  }
  EXPECT_TRUE(channels.contains(1) && channels.contains(2) && *channels.rbegin() > 32);
}

TEST(Shapes, SmallSizesMakeSmallShapes) {
  RandomDraws draws(41, 1);
  for (int round = 0; round < 500; ++round) {
    EXPECT_LE(element_count(draw_shape(draws, 2)).value(), 12);
  }
}

TEST(Shapes, EmptyOnesAreEmptyInOneDimension) {
  RandomDraws draws(43);
  std::set<std::size_t> where;
  for (int round = 0; round < 300; ++round) {
    const Shape shape = draw_empty_shape(draws, 3);
    EXPECT_EQ(std::ranges::count(shape, 0), 1) << to_string(shape);
    EXPECT_GT(shape[1], 0);
    where.insert(static_cast<std::size_t>(std::ranges::find(shape, 0) - shape.begin()));
  }
  EXPECT_EQ(where, (std::set<std::size_t>{0, 2, 3, 4}));
}

Capabilities everything() {
  Capabilities can;
  can.dialect = *dialect_named("pytorch");
  can.caller_state = true;
  return can;
}

TEST(Cases, ThatAreDrawnMustSucceed) {
  RandomDraws draws(47);
  const Capabilities can = everything();
  for (int round = 0; round < 5000; ++round) {
    CaseWish wish;
    wish.calls = static_cast<int>(draws.between(0, 3));
    wish.special_values = draws.chance(1, 3);
    if (draws.chance(1, 3)) wish.training = draws.chance(1, 2);
    const Case c = draw_case(draws, can, wish);
    ASSERT_FALSE(c.calls.empty());
    for (const Call& call : c.calls) {
      const Forward& forward = std::get<Forward>(call.operation);
      ASSERT_TRUE(errors_of(c.config, c.state, call, can.dialect).empty())
          << to_string(forward.x.shape) << " in round " << round;
      EXPECT_TRUE(fits(call.exec.x, forward.x.shape) && fits(call.exec.y, forward.x.shape));
    }
    if (!wish.special_values) {
      EXPECT_TRUE(all_finite(c));
    }
  }
}

/// The cases for a subject with few capabilities stay within them.
TEST(Cases, KeepToTheCapabilities) {
  Capabilities can = everything();
  can.dimensions = {2};
  can.strided = can.channels_last = can.in_place = can.threads = can.any_environment = false;
  can.untracked = can.without_affine = can.weight_or_bias_alone = false;
  can.dialect.cumulative = Cumulative::unsupported;
  RandomDraws draws(53);
  for (int round = 0; round < 1000; ++round) {
    const Case c = draw_case(draws, can);
    EXPECT_EQ(c.config.dimensions, 2);
    EXPECT_TRUE(c.config.weight && c.config.bias && c.config.track_running_stats && c.config.momentum);
    EXPECT_EQ(c.calls[0].exec, Exec{});
  }
}

/// Options beside the usual ones, each of which some implementation treats in a way of its own.
TEST(Cases, ReachSmallMomentaUsualEpsAndLargeCounters) {
  RandomDraws draws(59);
  std::map<std::string, int> seen;
  for (int round = 0; round < 2000; ++round) {
    const Case c = draw_case(draws, everything());
    const double m = std::fabs(c.config.momentum.value_or(1));
    seen["momentum <= 0.001"] += m > 0 && m <= 0.001;
    for (const double eps : {1e-3, 1e-4, 1e-6}) seen["eps " + std::to_string(eps)] += c.config.eps == eps;
    if (!c.config.track_running_stats) continue;
    for (const std::int64_t limit : {1000, 65535, 2147483647})
      seen["counter > " + std::to_string(limit)] += c.state.num_batches_tracked > limit;
    seen["plain average after many"] += !c.config.momentum && c.state.num_batches_tracked > 200;
  }
  EXPECT_EQ(seen.size(), 8U);
  for (const auto& [what, count] : seen) EXPECT_GT(count, 8) << what;
}

/// Of all four kinds of layers those that the subject takes, both parameters mostly.
TEST(Cases, HaveWeightAndBiasApart) {
  for (const bool neither : {true, false}) {
    for (const bool alone : {true, false}) {
      Capabilities can = everything();
      can.without_affine = neither;
      can.weight_or_bias_alone = alone;
      RandomDraws draws(67);
      std::map<std::pair<bool, bool>, int> met;
      for (int round = 0; round < 1000; ++round) {
        const Case c = draw_case(draws, can);
        EXPECT_EQ(c.state.weight.has_value(), c.config.weight);
        EXPECT_EQ(c.state.bias.has_value(), c.config.bias);
        ++met[{c.config.weight, c.config.bias}];
      }
      const auto between = [&](std::pair<bool, bool> kind, int least, int most) {
        EXPECT_GE(met[kind], least) << kind.first << kind.second;
        EXPECT_LE(met[kind], most) << kind.first << kind.second;
      };
      between({true, true}, 600, 1000);
      between({false, false}, neither ? 50 : 0, neither ? 300 : 0);
      between({true, false}, alone ? 30 : 0, alone ? 200 : 0);
      between({false, true}, alone ? 30 : 0, alone ? 200 : 0);
    }
  }
}

TEST(Cases, AWishIsGranted) {
  RandomDraws draws(59);
  CaseWish wish;
  wish.training = false;
  wish.affine = false;
  wish.track_running_stats = true;
  wish.any_exec = false;
  wish.regime = Regime::integers;
  for (int round = 0; round < 200; ++round) {
    const Case c = draw_case(draws, everything(), wish);
    const Forward* forward = only_forward(c);
    ASSERT_NE(forward, nullptr);
    EXPECT_FALSE(forward->training || c.config.has_parameters() || c.state.weight || c.state.bias);
    EXPECT_TRUE(c.state.running_mean && c.calls[0].exec == Exec{});
    for (const float x : forward->x.floats()) EXPECT_EQ(x, std::trunc(x));
  }
}

/// Bytes of a fuzzer make complete cases for every law, as a random stream does.
TEST(Cases, FewBytesMakeWholeCasesForEveryLaw) {
  Perfect subject(*dialect_named("pytorch"));
  for (const Law& law : all_laws()) {
    for (std::uint8_t byte = 0; byte < (law.traits.bulky ? 2 : 20); ++byte) {
      const std::vector<std::uint8_t> bytes{byte, 0xff, 0, byte};
      ByteDraws draws(bytes);
      Runner runner(subject);
      const Case c = law.draw(draws, subject.can());
      EXPECT_FALSE(check_case(law, c, runner).is_bad()) << law.name << ", first byte " << int{byte};
    }
  }
}

}  // namespace
}  // namespace bncheck::test
