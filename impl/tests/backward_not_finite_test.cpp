// Gradients for values that are not finite and for variances that are not positive. Both are valid data: they
// affect the results of their own channel only and are no errors.
#include "backward_support.hpp"

namespace bn::test {
namespace {

using Bits = std::vector<std::uint32_t>;

std::uint32_t pattern(float value) {
  return std::bit_cast<std::uint32_t>(value);
}

const std::vector<float> odd_values{
    inf, -inf, nan, -nan, std::bit_cast<float>(0x7f800001U), std::bit_cast<float>(0xffc12345U)};

// Three channels of 4·30 values each. Tests change values of channel 1.
struct Spoilt {
  Shape shape{4, 3, 30};
  std::vector<float> x = normal_values(numel(shape), 1, 2, 1);
  std::vector<float> dy = normal_values(numel(shape), 1, 2, 2);
  std::vector<float> weight{1.0F, 2.0F, -3.0F};
  Running running{{0.5F, 1.0F, 1.5F}, {1.0F, 2.0F, 3.0F}};

  [[nodiscard]] Graded training() const {
    return backward(options_for(shape), {weight, std::nullopt}, x, dy, shape);
  }
  [[nodiscard]] Graded inference() const {
    return backward(options_for(shape), {weight, std::nullopt}, x, dy, shape, running);
  }
  // Index of value j of channel 1.
  static std::size_t place(std::size_t j) { return (j / 30 * 3 + 1) * 30 + j % 30; }
  static bool in_channel(std::size_t i) { return i / 30 % 3 == 1; }
};

const std::size_t places[] = {0, 7, 29, 119};

// Checks channel 1 against expected values, and everything else against `clean`.
void expect_channel(const Graded& result, const Graded& clean, std::optional<std::uint32_t> dx,
                    std::uint32_t dweight, std::uint32_t dbias) {
  for (std::size_t i = 0; i < clean.dx.size(); ++i) {
    const bool changed = Spoilt::in_channel(i) && dx.has_value();
    ASSERT_EQ(pattern(result.dx[i]), changed ? *dx : pattern(clean.dx[i])) << i;
  }
  Graded expected = clean;
  expected.dweight[1] = std::bit_cast<float>(dweight);
  expected.dbias[1] = std::bit_cast<float>(dbias);
  EXPECT_EQ(bits(result.dweight), bits(expected.dweight));
  EXPECT_EQ(bits(result.dbias), bits(expected.dbias));
}

TEST(BackwardNotFinite, TrainingSpoilsTheChannelOfX) {
  const Spoilt clean;
  for (const float value : odd_values) {
    for (const std::size_t j : places) {
      Spoilt spoilt;
      spoilt.x[Spoilt::place(j)] = value;
      expect_channel(spoilt.training(), clean.training(), nan_bits, nan_bits,
                     pattern(clean.training().dbias[1]));
    }
  }
}

TEST(BackwardNotFinite, TrainingSpoilsTheChannelOfDy) {
  const Spoilt clean;
  for (const float value : odd_values) {
    for (const std::size_t j : places) {
      Spoilt spoilt;
      spoilt.dy[Spoilt::place(j)] = value;
      const std::uint32_t sum = std::isnan(value) ? nan_bits : pattern(value);
      expect_channel(spoilt.training(), clean.training(), nan_bits, nan_bits, sum);
    }
  }
}

TEST(BackwardNotFinite, InfinitiesOfDyAddUp) {
  for (const bool training : {true, false}) {
    const auto sum = [&](float first, float second, float x = 1.0F) {
      Spoilt spoilt;
      spoilt.dy[Spoilt::place(3)] = first;
      spoilt.dy[Spoilt::place(95)] = second;
      spoilt.x[Spoilt::place(1)] = x;
      return pattern((training ? spoilt.training() : spoilt.inference()).dbias[1]);
    };
    EXPECT_EQ(sum(inf, inf), pattern(inf));
    EXPECT_EQ(sum(-inf, -inf), pattern(-inf));
    EXPECT_EQ(sum(inf, -inf), nan_bits);
    EXPECT_EQ(sum(-inf, nan), nan_bits);
    EXPECT_EQ(sum(-inf, 3.0e38F), pattern(-inf));
    EXPECT_EQ(sum(-inf, -inf, nan), pattern(-inf));
  }
}

TEST(BackwardNotFinite, TwoValues) {
  const Shape shape{2, 1};
  const Graded of_x = backward(options_for(shape), {}, {inf, 1}, {1, 2}, shape);
  EXPECT_EQ(of_x.all_bits(), (Bits{nan_bits, nan_bits, nan_bits, pattern(3.0F)}));
  const Graded of_dy = backward(options_for(shape), {}, {0, 1}, {1, -inf}, shape);
  EXPECT_EQ(of_dy.all_bits(), (Bits{nan_bits, nan_bits, nan_bits, pattern(-inf)}));
}

// With γ = ±∞ or NaN, dx is γ times its value for γ = 1, or NaN where that value is 0. In the constant
// channel, x̂ = 0 and dx/γ = (dy − mean(dy))/√(σ² + ε), which is 0 at two of the four values. In the other
// channel no dx is 0.
TEST(BackwardNotFinite, WeightInTrainingTouchesDxOnly) {
  const Shape shape{4, 1};
  for (const auto& x : {std::vector<float>{1, 1, 1, 1}, std::vector<float>{1, 2, 2, 1}}) {
    const std::vector<float> dy{1, 2, 3, 2};
    const Graded clean = backward(options_for(shape), {}, x, dy, shape);
    for (const float gamma : odd_values) {
      const std::vector<float> weight{gamma};
      const Graded result = backward(options_for(shape), {weight, std::nullopt}, x, dy, shape);
      for (std::size_t i = 0; i < 4; ++i) {
        const float exact = clean.dx[i];
        const float expected = exact == 0.0F ? nan : gamma * exact;
        EXPECT_EQ(pattern(result.dx[i]), std::isnan(expected) ? nan_bits : pattern(expected)) << gamma;
      }
      EXPECT_EQ(bits(result.dweight), bits(clean.dweight));
      EXPECT_EQ(bits(result.dbias), bits(clean.dbias));
    }
  }
}

// 17 equal channels of 19 values each, with one special element at index 0 or 18, in planes and in rows. In
// planes, index 0 lies in a vector and index 18 in the tail. In rows, the last channel is the tail.
struct Element {
  float x = 3.0F, dy = 2.0F, gamma = 1.0F, mean = 1.0F, var = 4.0F;
  double eps = 0.0;

  // dx at the element, dγ and dβ. All other dy are 0, and all other x are the mean (0 if that is not finite).
  [[nodiscard]] Bits graded() const {
    Bits first;
    for (const bool rows : {false, true}) {
      for (const std::size_t at : {std::size_t{0}, std::size_t{18}}) {
        const Shape shape = rows ? Shape{19, 17} : Shape{1, 17, 19};
        std::vector<float> xs(19 * 17, std::isfinite(mean) ? mean : 0.0F);
        std::vector<float> dys(19 * 17, 0.0F);
        for (std::size_t c = 0; c < 17; ++c) {
          xs[rows ? at * 17 + c : c * 19 + at] = x;
          dys[rows ? at * 17 + c : c * 19 + at] = dy;
        }
        const std::vector<float> weight(17, gamma);
        const Running running{std::vector<float>(17, mean), std::vector<float>(17, var)};
        Options options = options_for(shape);
        options.eps = eps;
        const Graded result = backward(options, {weight, std::nullopt}, xs, dys, shape, running);
        for (std::size_t c = 0; c < 17; ++c) {
          const Bits found{pattern(result.dx[rows ? at * 17 + c : c * 19 + at]), pattern(result.dweight[c]),
                           pattern(result.dbias[c])};
          if (first.empty()) first = found;
          EXPECT_EQ(found, first) << rows << " " << at << " " << c;
        }
      }
    }
    return first;
  }
};

Bits patterns(float dx, float dweight, float dbias) {
  Bits result;
  for (const float value : {dx, dweight, dbias}) {
    result.push_back(std::isnan(value) ? nan_bits : pattern(value));
  }
  return result;
}

TEST(BackwardNotFinite, InferenceFollowsTheExtendedRule) {
  EXPECT_EQ((Element{}.graded()), patterns(1.0F, 2.0F, 2.0F));
  EXPECT_EQ((Element{.gamma = -2.0F}.graded()), patterns(-2.0F, 2.0F, 2.0F));
  // dy
  EXPECT_EQ((Element{.dy = inf}.graded()), patterns(inf, nan, inf));
  EXPECT_EQ((Element{.dy = inf, .gamma = -1.0F}.graded()), patterns(-inf, nan, inf));
  EXPECT_EQ((Element{.dy = inf, .gamma = 0.0F}.graded()), patterns(nan, nan, inf));
  EXPECT_EQ((Element{.dy = nan}.graded()), patterns(nan, nan, nan));
  // γ
  EXPECT_EQ((Element{.gamma = -inf}.graded()), patterns(-inf, 2.0F, 2.0F));
  EXPECT_EQ((Element{.dy = 0.0F, .gamma = inf}.graded()), patterns(nan, 0.0F, 0.0F));
  EXPECT_EQ((Element{.gamma = nan}.graded()), patterns(nan, 2.0F, 2.0F));
  // x and running_mean: dγ only
  for (const float value : odd_values) {
    EXPECT_EQ((Element{.x = value}.graded()), patterns(1.0F, nan, 2.0F));
    EXPECT_EQ((Element{.x = value, .dy = 0.0F}.graded()), patterns(0.0F, nan, 0.0F));
    EXPECT_EQ((Element{.mean = value}.graded()), patterns(1.0F, nan, 2.0F));
  }
  // zeros are +0
  EXPECT_EQ((Element{.dy = -0.0F}.graded()), patterns(0.0F, 0.0F, 0.0F));
  EXPECT_EQ((Element{.x = -1.0F, .dy = 0.0F, .gamma = -2.0F}.graded()), patterns(0.0F, 0.0F, 0.0F));
}

TEST(BackwardNotFinite, InferenceVariances) {
  for (const float var : {nan, -4.0F, 0.0F, -inf}) {
    EXPECT_EQ((Element{.var = var}.graded()), patterns(nan, nan, 2.0F)) << var;
  }
  EXPECT_EQ((Element{.dy = 0.0F, .var = -1.0F}.graded()), patterns(nan, nan, 0.0F));
  EXPECT_EQ((Element{.var = -0.25F, .eps = 0.25}.graded()), patterns(nan, nan, 2.0F));
  // One step of a double above: rv + ε = 2^-54
  EXPECT_EQ((Element{.var = -0.25F, .eps = 0.25 + 0x1p-54}.graded()), patterns(0x1p28F, 0x1p29F, 2.0F));
  // +∞
  EXPECT_EQ((Element{.var = inf}.graded()), patterns(0.0F, 0.0F, 2.0F));
  EXPECT_EQ((Element{.dy = -2.0F, .var = inf}.graded()), patterns(0.0F, 0.0F, -2.0F));
  EXPECT_EQ((Element{.gamma = inf, .var = inf}.graded()), patterns(nan, 0.0F, 2.0F));
  EXPECT_EQ((Element{.dy = inf, .var = inf}.graded()), patterns(nan, nan, inf));
  EXPECT_EQ((Element{.x = inf, .var = inf}.graded()), patterns(0.0F, nan, 2.0F));
  EXPECT_EQ((Element{.mean = -inf, .var = inf}.graded()), patterns(0.0F, nan, 2.0F));
}

TEST(BackwardNotFinite, InferenceTouchesNoOtherElementOrChannel) {
  const Spoilt clean;
  for (const std::size_t j : places) {
    Spoilt spoilt;
    spoilt.dy[Spoilt::place(j)] = -inf;
    Graded expected = clean.inference();
    expected.dx[Spoilt::place(j)] = -inf;
    expect_channel(spoilt.inference(), expected, std::nullopt, nan_bits, pattern(-inf));
    spoilt = {};
    spoilt.x[Spoilt::place(j)] = nan;
    expect_channel(spoilt.inference(), clean.inference(), std::nullopt, nan_bits,
                   pattern(clean.inference().dbias[1]));
  }
  Spoilt spoilt;
  spoilt.running.var[1] = -1.0F;
  expect_channel(spoilt.inference(), clean.inference(), nan_bits, nan_bits,
                 pattern(clean.inference().dbias[1]));
}

// Finite values whose products overflow float: dx and dβ are finite, and dγ is +∞ only because its exact
// value is beyond float's range.
TEST(BackwardNotFinite, LargeFiniteValuesAreFinite) {
  const Element element{.x = 3.0e38F, .dy = 3.0e38F, .mean = -3.0e38F, .var = 3.0e38F};
  const Bits found = element.graded();
  EXPECT_TRUE(std::isfinite(std::bit_cast<float>(found[0])));
  EXPECT_EQ(found[1], pattern(inf));  // 3e38·6e38/√3e38
  EXPECT_EQ(found[2], pattern(3.0e38F));
}

}  // namespace
}  // namespace bn::test
