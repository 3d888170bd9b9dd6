/// Placements as the generators draw them and the buffers use them.

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "bncheck/case.hpp"
#include "core/draws.hpp"
#include "generate/shapes.hpp"

namespace bncheck::test {
namespace {

using Strides = std::vector<std::int64_t>;

TEST(Placement, DenseStridesAreTheLogicalOrder) {
  EXPECT_EQ(strides_of({}, {2, 3, 4}), (Strides{12, 4, 1}));
  EXPECT_EQ(extent_of({}, {2, 3, 4}), 24);
  EXPECT_EQ(strides_of({}, {2, 1, 1}), (Strides{1, 1, 1}));
}

TEST(Placement, ChannelsLastPutsChannelsInnermost) {
  EXPECT_EQ(strides_of(channels_last(4), {2, 3, 4, 5}), (Strides{60, 1, 15, 3}));
  EXPECT_EQ(strides_of(channels_last(3), {2, 3, 4}), (Strides{12, 1, 3}));
  EXPECT_EQ(channels_last(2), Placement{});
}

TEST(Placement, AGapFollowsItsDimension) {
  // Innermost 4 and 2 skipped: rows are 6 apart; 3 rows and 1 skipped: samples are 19 apart.
  const Placement placement{{}, {0, 1, 2}, 7};
  EXPECT_EQ(strides_of(placement, {2, 3, 4}), (Strides{19, 6, 1}));
  EXPECT_EQ(extent_of(placement, {2, 3, 4}), 19 + 2 * 6 + 3 + 1);
}

TEST(Placement, EmptyTensorsTouchNothing) {
  EXPECT_EQ(extent_of({}, {0, 3}), 0);
  EXPECT_EQ(extent_of({{1, 0}, {2, 2}, 5}, {3, 0}), 0);
}

TEST(Placement, FitsOnlyItsOwnRank) {
  const Shape shape{2, 3, 4};
  EXPECT_TRUE(fits({}, shape));
  EXPECT_TRUE(fits({{2, 0, 1}, {1, 0, 5}, 3}, shape));
  EXPECT_FALSE(fits({{0, 1}, {}, 0}, shape));
  EXPECT_FALSE(fits({{0, 1, 1}, {}, 0}, shape));
  EXPECT_FALSE(fits({{0, 1, 3}, {}, 0}, shape));
  EXPECT_FALSE(fits({{}, {1, 1}, 0}, shape));
  EXPECT_FALSE(fits({{}, {0, -1, 0}, 0}, shape));
  EXPECT_FALSE(fits({{}, {}, -1}, shape));
  EXPECT_FALSE(fits({{}, {0, 0, std::numeric_limits<std::int64_t>::max()}, 0}, shape));
}

/// Every element has its own address, inside the extent.
TEST(Placement, DrawnOnesFitAndDoNotOverlap) {
  RandomDraws draws(11);
  std::set<Strides> kinds;
  for (int round = 0; round < 500; ++round) {
    const int dimensions = static_cast<int>(draws.between(1, 3));
    const Shape shape = draw_shape(draws, dimensions, {.max_elements = 60});
    const Placement placement = draw_placement(draws, shape.size());
    ASSERT_TRUE(fits(placement, shape));
    const Strides strides = strides_of(placement, shape);
    kinds.insert(strides);
    std::vector<std::int64_t> offsets{0};
    for (std::size_t k = 0; k < shape.size(); ++k) {
      std::vector<std::int64_t> longer;
      for (const std::int64_t offset : offsets) {
        for (std::int64_t i = 0; i < shape[k]; ++i) longer.push_back(offset + i * strides[k]);
      }
      offsets = std::move(longer);
    }
    EXPECT_EQ(std::ranges::max(offsets) + 1, extent_of(placement, shape));
    EXPECT_EQ(std::set<std::int64_t>(offsets.begin(), offsets.end()).size(), offsets.size());
  }
  EXPECT_GT(kinds.size(), 100U);
}

}  // namespace
}  // namespace bncheck::test
