// Results of training: known facts, accuracy, exact zeros.
#include "support.hpp"

namespace bn::test {
namespace {

// Largest error of a result, relative to the exact y = p + β with p = γ(x−μ)·invstd, before its rounding to
// float. invstd: σ² has a relative error below 2^-47, halved by the root, and three roundings; the scale, two
// differences and the product have one rounding (u = 2^-53) each: together below 2^-47·|p|. μ is off by at
// most 2^-50·σ, and invstd·σ ≤ 1: 2^-50·|γ|. The sum: u·|y|.
long double bound(long double p, long double gamma, long double beta) {
  const long double y = p + beta;
  return ulp(y) / 2 + 0x1p-47L * std::fabs(p) + 0x1p-50L * std::fabs(gamma) + 0x1p-53L * std::fabs(y);
}

// Compares a trained channel with the reference, which works in long double around the first value x0: its
// error in μ is below n·2^-63·max|x − x0|, and the relative error of its σ² below 2n·2^-63·(1 + (μ−x0)²/σ²).
void expect_close(const std::vector<float>& x, std::span<const float> y, double eps, float gamma,
                  float beta) {
  const Reference reference(x);
  const auto n = static_cast<long double>(x.size());
  long double reach = 0;
  for (const float value : x) {
    reach = std::max(reach, std::fabs(static_cast<long double>(value) - static_cast<long double>(x[0])));
  }
  const long double invstd = 1 / std::sqrt(reference.var + eps);
  const long double reference_error = n * 0x1p-63L * reach * invstd * std::fabs(gamma);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double p = gamma * ((static_cast<long double>(x[i]) - reference.mean) * invstd);
    const long double slack = bound(p, gamma, beta) + reference_error * (2 + std::fabs(p / gamma));
    ASSERT_LE(std::fabs(static_cast<long double>(y[i]) - (p + beta)), slack) << "element " << i;
  }
}

TEST(Training, TwoRowsGiveTheKnownNumbers) {
  const Shape shape{2, 3};
  std::vector<float> mean(3, 0.0F);
  std::vector<float> var(3, 1.0F);
  std::int64_t counter = 0;
  RunningStatistics running{mean, var, &counter};
  const Trained result = train(options_for(shape), {}, {1, 2, 3, 4, 5, 6}, shape, &running);
  // 1.5/√2.25001 = 0.99999777778518…; the expected values are the floats nearest to ∓ this.
  const float one = 0.99999777778518F;
  EXPECT_EQ(result.y, (std::vector<float>{-one, -one, -one, one, one, one}));
  EXPECT_EQ(result.mean, (std::vector<float>{2.5F, 3.5F, 4.5F}));
  EXPECT_EQ(result.var, (std::vector<float>{2.25F, 2.25F, 2.25F}));
  // 0.9·1 + 0.1·4.5: the unbiased variance of two values is twice the population's
  EXPECT_EQ(var, (std::vector<float>{1.35F, 1.35F, 1.35F}));
  EXPECT_EQ(mean, (std::vector<float>{0.25F, 0.35F, 0.45F}));
  EXPECT_EQ(counter, 1);
}

TEST(Training, ThreeEquallySpacedRows) {
  const Shape shape{3, 3};
  const Trained result = train(options_for(shape), {}, {1, 2, 3, 4, 5, 6, 7, 8, 9}, shape);
  // 3/√6.00001 = 1.2247438507721…
  const float edge = 1.2247438507721F;
  EXPECT_EQ(result.y, (std::vector<float>{-edge, -edge, -edge, 0, 0, 0, edge, edge, edge}));
}

TEST(Training, SequencesByReshapeAndByTranspose) {
  // (B, S, E) as (B·S, E) and as (B, E, S)
  constexpr std::int64_t b = 3, s = 5, e = 4;
  const std::vector<float> x = normal_values(b * s * e, 1.0F, 2.0F, 1);
  const Shape flat{b * s, e};
  const Trained reshaped = train(options_for(flat), {}, x, flat);
  std::vector<float> y(x.size());
  const Shape transposed{b, e, s};
  const Shape strides{s * e, 1, e};
  forward_training(options_for(transposed), {},
                   TensorView<const float>::strided(x.data(), transposed, strides),
                   TensorView<float>::strided(y.data(), transposed, strides), nullptr);
  EXPECT_EQ(bits(y), bits(reshaped.y));
}

TEST(Training, ConstantChannelsGiveExactlyBeta) {
  for (const float value : {0.1F, 1.0e30F, -3.0F, 0x1p-149F, 0.0F}) {
    for (const std::int64_t n : {2, 63, 64, 65, 1000, 100003}) {
      const Shape shape{n, 2};
      const std::vector<float> x(static_cast<std::size_t>(2 * n), value);
      const std::vector<float> weight{1.5F, -2.0F};
      const std::vector<float> bias{0.7F, -0.0F};
      const Trained result = train(options_for(shape), {weight, bias}, x, shape);
      EXPECT_EQ(bits(result.mean), bits({{value, value}}));
      EXPECT_EQ(bits(result.var), bits({{0.0F, 0.0F}}));
      for (std::size_t i = 0; i < result.y.size(); i += 2) {
        ASSERT_EQ(bits({{result.y[i], result.y[i + 1]}}), bits({{0.7F, 0.0F}})) << value << " " << n;
      }
    }
  }
}

TEST(Training, ZeroWeightGivesExactlyBeta) {
  const Shape shape{50, 1};
  const std::vector<float> zero{-0.0F};
  const std::vector<float> bias{0.3F};
  for (const float y : train(options_for(shape), {zero, bias}, normal_values(50, 1, 1, 2), shape).y) {
    EXPECT_EQ(y, 0.3F);
  }
}

// The mean of {a, −a, b, −b, …, 0} is 0, and that of the same values plus an integer is this integer, for any
// roundings in the sums. y is then exactly β where x = μ, and has the sign of x − μ elsewhere, however small
// it is.
TEST(Training, ValuesAtTheMeanGiveExactlyBeta) {
  std::mt19937 engine(5);
  std::uniform_real_distribution<float> draw(0.0F, 1.0F);
  for (int round = 0; round < 50; ++round) {
    std::vector<float> x{0.0F, 0x1p-149F, -0x1p-149F};
    for (int i = 0; i < 100; ++i) {
      const float a = draw(engine) * std::ldexp(1.0F, i % 40);
      x.push_back(a);
      x.push_back(-a);
    }
    std::shuffle(x.begin(), x.end(), engine);
    const Shape shape{std::ssize(x), 1};
    const Trained result = train(options_for(shape), {}, x, shape);
    ASSERT_EQ(bits(result.mean).front(), 0U);
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (x[i] == 0.0F) {
        ASSERT_EQ(bits({{result.y[i]}}).front(), 0U);
      } else {
        ASSERT_EQ(std::signbit(result.y[i]), std::signbit(x[i]));
      }
    }
  }
}

// μ = 1 + 2^-23/3072. A double μ would be off by up to 2^-53, which is 2^-18 of its distance from 1. The sums
// of these values are exact, so the rest of the bound is relative: 2^-47.
TEST(Training, TheMeanIsFinerThanDouble) {
  std::vector<float> x(3072, 1.0F);
  x[5] += 0x1p-23F;
  for (std::size_t i = 100; i < 200; i += 2) {
    x[i] = 0.0F;
    x[i + 1] = 2.0F;
  }
  const Shape shape{1, 1, 3072};
  const Trained result = train(options_for(shape), {}, x, shape);
  const Reference reference(x);
  const long double expected = -(0x1p-23L / 3072) / std::sqrt(reference.var + 1e-5L);
  for (const std::size_t i : {std::size_t{0}, x.size() - 1}) {
    EXPECT_LE(std::fabs(static_cast<long double>(result.y[i]) - expected),
              ulp(expected) / 2 - 0x1p-47L * expected);
  }
}

class LargeMean : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(LargeMean, LosesNothing) {
  const std::int64_t n = GetParam();
  for (const float mean : {0.0F, 1.0e3F, 1.0e7F, -3.0e9F}) {
    const std::vector<float> x = normal_values(n, mean, std::max(1.0F, std::fabs(mean) * 0x1p-22F), 3);
    const Shape shape{1, 1, n};
    const std::vector<float> weight{-1.7F};
    const std::vector<float> bias{0.4F};
    const Trained result = train(options_for(shape), {weight, bias}, x, shape);
    expect_close(x, result.y, 1e-5, weight[0], bias[0]);
    const Reference reference(x);
    // The relative error of the variance is 2^-47, see channel_sums.hpp; that of the reference is far below.
    EXPECT_LE(std::fabs(static_cast<long double>(result.var[0]) - reference.var),
              ulp(reference.var) / 2 + 0x1p-47L * reference.var);
    EXPECT_LE(std::fabs(static_cast<long double>(result.mean[0]) - reference.mean),
              ulp(reference.mean) / 2 + 0x1p-49L * std::sqrt(reference.var));
  }
}
INSTANTIATE_TEST_SUITE_P(Sizes, LargeMean, ::testing::Values(2, 3, 17, 255, 256, 257, 1000, 70001));

// An outlier that is always, or never, in the sample for the first shift.
TEST(Training, OutliersDoNotSpoilTheShift) {
  for (const std::size_t place : {std::size_t{0}, std::size_t{4999}}) {
    std::vector<float> x = normal_values(5000, 3.0F, 1.0F, 4);
    x[place] = 1.0e12F;
    const Shape shape{1, 1, 5000};
    expect_close(x, train(options_for(shape), {}, x, shape).y, 1e-5, 1.0F, 0.0F);
    // channels-last, where the sums are taken for tiles of channels
    std::vector<float> rows;
    for (const float value : x) rows.insert(rows.end(), {value, 2.0F * value});
    const Shape row_shape{5000, 2};
    const Trained result = train(options_for(row_shape), {}, rows, row_shape);
    std::vector<float> y;
    for (std::size_t i = 0; i < rows.size(); i += 2) y.push_back(result.y[i]);
    expect_close(x, y, 1e-5, 1.0F, 0.0F);
  }
}

TEST(Training, ExtremeValuesNeitherOverflowNorVanish) {
  const float most = std::numeric_limits<float>::max();
  const Shape shape{4, 1};
  const Trained large = train(options_for(shape), {}, {most, -most, most, -most}, shape);
  EXPECT_EQ(large.y, (std::vector<float>{1, -1, 1, -1}));
  EXPECT_EQ(large.var[0], inf);
  Options options = options_for(shape);
  options.eps = 0x1p-126;
  // σ² = 2^-298 beside ε = 2^-126: y = ±2^-149·2^63
  const Trained small = train(options, {}, {0x1p-149F, -0x1p-149F, 0x1p-149F, -0x1p-149F}, shape);
  EXPECT_EQ(small.y, (std::vector<float>{0x1p-86F, -0x1p-86F, 0x1p-86F, -0x1p-86F}));
  EXPECT_EQ(small.invstd[0], 0x1p63F);
  EXPECT_EQ(bits(small.var).front(), 0U);
}

}  // namespace
}  // namespace bn::test
