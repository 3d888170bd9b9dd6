// Overlap of views compared with its plain definition by sets of addresses.
#include "overlap.hpp"

#include <set>

#include "support.hpp"

namespace bn::test {
namespace {

// Addresses of a view, as offsets from `memory`, with repetitions.
std::vector<std::int64_t> addresses(TensorView<const float> view, const float* memory) {
  std::vector<std::int64_t> found{view.data - memory};
  for (std::size_t k = 0; k < static_cast<std::size_t>(view.rank); ++k) {
    std::vector<std::int64_t> next;
    for (const std::int64_t address : found) {
      for (std::int64_t i = 0; i < view.sizes[k]; ++i) next.push_back(address + i * view.strides[k]);
    }
    found = std::move(next);
  }
  return found;
}

TensorView<const float> random_view(std::mt19937& engine, const float* memory) {
  const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine); };
  Shape sizes;
  Shape strides;
  for (int rank = draw(0, 4); rank > 0; --rank) {
    sizes.push_back(draw(draw(0, 9) == 0 ? 0 : 1, 4));
    strides.push_back(draw(-13, 13));
  }
  return TensorView<const float>::strided(memory + draw(0, 60), sizes, strides);
}

TEST(Overlap, IsThatOfTheSetsOfAddresses) {
  const std::vector<float> memory(1);
  std::mt19937 engine(11);
  int shared = 0;
  int repeated = 0;
  constexpr int rounds = 4000;
  for (int round = 0; round < rounds; ++round) {
    const TensorView<const float> a = random_view(engine, memory.data());
    const TensorView<const float> b = random_view(engine, memory.data());
    const std::vector<std::int64_t> in_a = addresses(a, memory.data());
    const std::vector<std::int64_t> in_b = addresses(b, memory.data());
    const std::set<std::int64_t> set_a(in_a.begin(), in_a.end());
    const bool intersect = std::ranges::any_of(in_b, [&](std::int64_t i) { return set_a.contains(i); });
    ASSERT_EQ(AddressSet(a).intersects(AddressSet(b)), intersect) << round;
    ASSERT_EQ(AddressSet(b).intersects(AddressSet(a)), intersect) << round;
    ASSERT_EQ(AddressSet(a).overlaps_itself(), set_a.size() != in_a.size()) << round;
    shared += intersect ? 1 : 0;
    repeated += set_a.size() != in_a.size() ? 1 : 0;
  }
  // Both answers have occurred often enough.
  EXPECT_GT(std::min(shared, rounds - shared), rounds / 10);
  EXPECT_GT(std::min(repeated, rounds - repeated), rounds / 10);
}

TEST(Overlap, ChannelHalvesOfOneBufferAreApart) {
  std::vector<float> memory(8 * 64);
  const Shape sizes{8, 4, 4, 2};
  const Shape strides{64, 8, 2, 1};
  const auto first = TensorView<const float>::strided(memory.data(), sizes, strides);
  const auto second = TensorView<const float>::strided(memory.data() + 32, sizes, strides);
  const auto between = TensorView<const float>::strided(memory.data() + 31, sizes, strides);
  EXPECT_FALSE(AddressSet(first).intersects(AddressSet(second)));
  EXPECT_TRUE(AddressSet(first).intersects(AddressSet(between)));
}

TEST(Overlap, LargeViewsAreDecidedWithoutEnumeration) {
  const float memory = 0.0F;
  const Shape sizes{1 << 20, 64, 1 << 10, 1 << 10};
  const auto even =
      TensorView<const float>::strided(&memory, sizes, Shape{std::int64_t{1} << 27, 1 << 21, 1 << 11, 2});
  const auto odd =
      TensorView<const float>::strided(&memory + 1, sizes, Shape{std::int64_t{1} << 27, 1 << 21, 1 << 11, 2});
  EXPECT_FALSE(AddressSet(even).intersects(AddressSet(odd)));
  EXPECT_FALSE(AddressSet(even).overlaps_itself());
}

}  // namespace
}  // namespace bn::test
