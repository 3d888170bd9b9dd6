#include "core/draws.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace bncheck::test {
namespace {

TEST(ByteDraws, TakesWholeBytesMostSignificantFirst) {
  const std::vector<std::uint8_t> bytes{0x12, 0x34, 0x56, 0xff};
  ByteDraws draws(bytes);
  EXPECT_EQ(draws.bits(8), 0x12U);
  EXPECT_EQ(draws.bits(16), 0x3456U);
  // Three bits of a byte: its low bits; the whole byte is used up.
  EXPECT_EQ(draws.bits(3), 0x7U);
}

TEST(ByteDraws, TakesSixtyFourBits) {
  const std::vector<std::uint8_t> bytes{0xff, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
  EXPECT_EQ(ByteDraws(bytes).bits(64), 0xff23456789abcdefU);
}

std::vector<std::uint64_t> drawn(Draws& draws, std::size_t count) {
  std::vector<std::uint64_t> values;
  for (std::size_t k = 0; k < count; ++k) values.push_back(draws.bits(32));
  return values;
}

TEST(ByteDraws, GoesOnAfterTheLastByteTheSameWayEveryTime) {
  const std::vector<std::uint8_t> bytes{1, 2, 3, 4, 5};
  ByteDraws a(bytes);
  ByteDraws b(bytes);
  const std::vector<std::uint64_t> values = drawn(a, 20);
  EXPECT_EQ(values, drawn(b, 20));
  EXPECT_EQ(values[0], 0x01020304U);
  const std::vector<std::uint8_t> others{1, 2, 3, 4, 6};
  ByteDraws c(others);
  const std::vector<std::uint64_t> different = drawn(c, 20);
  EXPECT_EQ(different[0], values[0]);
  // Every byte matters, also one that was never drawn completely.
  EXPECT_NE(different, values);
  EXPECT_GT(std::set<std::uint64_t>(values.begin(), values.end()).size(), 18U);
}

TEST(ByteDraws, NoBytesAreEnough) {
  ByteDraws draws({});
  EXPECT_NE(drawn(draws, 2)[0], drawn(draws, 2)[0]);
}

TEST(RandomDraws, GivesNoMoreBitsThanAskedFor) {
  RandomDraws draws(1);
  for (int count = 1; count <= 64; ++count) {
    for (int k = 0; k < 50; ++k) {
      const std::uint64_t value = draws.bits(count);
      EXPECT_TRUE(count == 64 || value >> count == 0) << count << " bits gave " << value;
    }
  }
}

TEST(RandomDraws, FollowsFromTheSeed) {
  RandomDraws a(7);
  RandomDraws b(7);
  RandomDraws c(8);
  const std::vector<std::uint64_t> values = drawn(a, 10);
  EXPECT_EQ(values, drawn(b, 10));
  EXPECT_NE(values, drawn(c, 10));
}

TEST(Draws, BelowStaysBelowAndReachesEveryValue) {
  RandomDraws draws(3);
  for (const std::uint64_t bound : {1U, 2U, 3U, 5U, 8U, 13U}) {
    std::set<std::uint64_t> seen;
    for (int k = 0; k < 500; ++k) seen.insert(draws.below(bound));
    EXPECT_EQ(seen.size(), bound);
    EXPECT_EQ(*seen.rbegin(), bound - 1);
  }
  EXPECT_EQ(draws.below(0), 0U);
}

TEST(Draws, BelowTakesBoundsUpToTheLargest) {
  RandomDraws draws(4);
  for (const std::uint64_t bound :
       {(std::uint64_t{1} << 40) - 1, std::uint64_t{1} << 40, ~std::uint64_t{0} / 3, ~std::uint64_t{0}}) {
    std::uint64_t largest = 0;
    for (int k = 0; k < 200; ++k) {
      const std::uint64_t value = draws.below(bound);
      ASSERT_LT(value, bound);
      largest = std::max(largest, value);
    }
    // All 200 in the lower half: probability 2^−200.
    EXPECT_GT(largest, bound / 2);
  }
}

TEST(Draws, BetweenReachesBothEnds) {
  RandomDraws draws(5);
  std::set<std::int64_t> seen;
  for (int k = 0; k < 500; ++k) seen.insert(draws.between(-2, 3));
  EXPECT_EQ(seen, (std::set<std::int64_t>{-2, -1, 0, 1, 2, 3}));
  EXPECT_EQ(draws.between(9, 9), 9);
}

TEST(Draws, ChanceIsNeverOrAlwaysAtItsEnds) {
  RandomDraws draws(6);
  int hits = 0;
  for (int k = 0; k < 4000; ++k) {
    EXPECT_FALSE(draws.chance(0, 5));
    EXPECT_TRUE(draws.chance(5, 5));
    hits += draws.chance(1, 4) ? 1 : 0;
  }
  // Binomial(4000, 1/4) has standard deviation 27.4; more than eight of them have a probability below 1e-14.
  EXPECT_NEAR(hits, 1000, 8 * 28);
}

TEST(Draws, PickReachesEveryChoice) {
  RandomDraws draws(8);
  std::set<int> listed;
  std::set<int> contained;
  const std::array<int, 3> choices{4, 5, 6};
  for (int k = 0; k < 200; ++k) {
    listed.insert(draws.pick({1, 2, 3}));
    contained.insert(draws.pick_from(choices));
  }
  EXPECT_EQ(listed, (std::set<int>{1, 2, 3}));
  EXPECT_EQ(contained, (std::set<int>{4, 5, 6}));
}

}  // namespace
}  // namespace bncheck::test
