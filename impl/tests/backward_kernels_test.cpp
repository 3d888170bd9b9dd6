// The kernels of the backward pass in double, where a fused operation or another order of a sum is visible.
#include "backward_kernels.hpp"

#include "backward_support.hpp"
#include "targets.hpp"

namespace bn::test {
namespace {

// The means are not floats, nor doubles.
constexpr MeanPair means{{0.1, 0x1p-60}, {-0.7, -0x1p-58}};
constexpr double slope = 1.0 / 3;
constexpr double scale = 0x1p40;

double x_part(float x) {
  return (static_cast<double>(x) - means.x.hi) - means.x.lo;
}
double dy_part(float dy) {
  return (static_cast<double>(dy) - means.dy.hi) - means.dy.lo;
}

// The order of sum_kernels.hpp, in its simplest form.
double product_sum(std::span<const float> x, std::span<const float> dy) {
  double lanes[sum_lanes] = {};
  for (std::size_t i = 0; i < x.size(); ++i) lanes[i % sum_lanes] += dy_part(dy[i]) * x_part(x[i]);
  for (const std::size_t half : {8U, 4U, 2U, 1U}) {
    for (std::size_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

class BackwardKernels : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }

  const std::vector<float> x = normal_values(block_values * 5, 0.1F, 1.0F, 1);
  const std::vector<float> dy = normal_values(block_values * 5, -0.7F, 1.0F, 2);
};

TEST_P(BackwardKernels, ProductsOfABlock) {
  for (std::size_t count = 1; count <= static_cast<std::size_t>(block_values); ++count) {
    EXPECT_EQ(product_block(x.data(), dy.data(), count, means),
              product_sum(std::span(x).first(count), std::span(dy).first(count)))
        << count;
  }
}

// Five channels in rows with strides 5 and 7, added in two parts; the second part does not begin with lane 0.
TEST_P(BackwardKernels, ProductsOfRows) {
  constexpr std::size_t channels = 5;
  const std::vector<double> x_hi(channels, means.x.hi), x_lo(channels, means.x.lo);
  const std::vector<double> dy_hi(channels, means.dy.hi), dy_lo(channels, means.dy.lo);
  const MeanRows rows{x_hi.data(), x_lo.data(), dy_hi.data(), dy_lo.data()};
  for (std::size_t count = 8; count <= 180; count += 43) {
    TileProducts tile;
    add_product_rows({x.data(), 5}, {dy.data(), 7}, 7, 0, channels, rows, tile);
    add_product_rows({x.data() + 7 * 5, 5}, {dy.data() + 7 * 7, 7}, count - 7, 7, channels, rows, tile);
    for (std::size_t c = 0; c < channels; ++c) {
      std::vector<float> x_channel, dy_channel;
      for (std::size_t r = 0; r < count; ++r) {
        x_channel.push_back(x[r * 5 + c]);
        dy_channel.push_back(dy[r * 7 + c]);
      }
      EXPECT_EQ(tile.channel(c), product_sum(x_channel, dy_channel)) << count << " " << c;
    }
  }
}

// The mean of x is such that (x−μ)·slope is close to dy − m. Their difference is then the rounding error of
// the product, which differs for a fused operation.
TEST_P(BackwardKernels, Gradients) {
  constexpr std::size_t channels = 70;
  std::vector<double> x_hi, zeros(channels, 0.0), slopes(channels, slope), scales(channels, scale);
  std::vector<float> expected;
  for (std::size_t c = 0; c < channels; ++c) {
    x_hi.push_back(static_cast<double>(x[c]) - static_cast<double>(dy[c]) / slope);
    const double rest = static_cast<double>(dy[c]) - (static_cast<double>(x[c]) - x_hi[c]) * slope;
    expected.push_back(static_cast<float>(rest * scale + 0.0));
  }
  const RowGradients rows{
      {x_hi.data(), zeros.data(), zeros.data(), zeros.data()}, slopes.data(), scales.data(), channels};
  std::vector<float> dx(channels);
  gradient_rows({x.data(), 0}, {dy.data(), 0}, {dx.data(), 0}, 1, rows);
  EXPECT_EQ(bits(dx), bits(expected));
  // The same along a channel, for each of these means
  for (std::size_t c = 0; c < channels; ++c) {
    const std::vector<float> x_values(19, x[c]);
    const std::vector<float> dy_values(19, dy[c]);
    dx.resize(19);
    gradient_values(x_values.data(), dy_values.data(), dx.data(), 19,
                    {{{x_hi[c], 0.0}, {0.0, 0.0}}, slope, scale});
    EXPECT_EQ(bits(dx), bits(std::vector<float>(19, expected[c])));
  }
}

std::string target_name(const ::testing::TestParamInfo<std::int64_t>& info) {
  return hwy::TargetName(info.param);
}
INSTANTIATE_TEST_SUITE_P(Highway, BackwardKernels, ::testing::ValuesIn(all_targets()), target_name);

}  // namespace
}  // namespace bn::test
