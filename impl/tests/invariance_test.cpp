// The same bits for every layout, thread count, instruction set and floating-point environment of the caller.
#include <cfenv>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "support.hpp"
#include "targets.hpp"

namespace bn::test {
namespace {

struct Subject {
  Shape shape;
  std::vector<float> x, weight, bias;

  explicit Subject(Shape of, unsigned seed = 1)
      : shape(std::move(of)),
        x(normal_values(numel(shape), 3.0F, 2.0F, seed)),
        weight(normal_values(shape[1], 1.0F, 1.0F, seed + 1)),
        bias(normal_values(shape[1], 0.0F, 1.0F, seed + 2)) {
    x[0] = 0x1p-140F;  // a subnormal, which must not be flushed
  }
  [[nodiscard]] Options options() const { return options_for(shape); }
  [[nodiscard]] Affine affine() const { return {weight, bias}; }
  [[nodiscard]] Trained trained(const Execution& execution = {}) const {
    return train(options(), affine(), x, shape, nullptr, execution);
  }
  [[nodiscard]] std::vector<float> inferred(const Execution& execution = {}) const {
    return infer(options(), affine(), x, shape, weight, std::vector<float>(bias.size(), 2.0F), execution);
  }
};

std::vector<Subject> subjects() {
  std::vector<Subject> all;
  for (const Shape& shape :
       {Shape{33, 5}, Shape{2, 1}, Shape{300, 70}, Shape{1, 3, 40}, Shape{3, 4, 1, 7}, Shape{2, 3, 5, 1},
        Shape{2, 17, 16, 17}, Shape{5, 1, 3, 3}, Shape{2, 3, 4, 5, 6}, Shape{1, 2, 1, 1, 600}}) {
    all.emplace_back(shape);
  }
  return all;
}

void expect_same_placed(const Subject& subject, Placed x, Placed y, const std::string& what) {
  const Trained expected = subject.trained();
  Trained result = expected;
  for (auto* part : {&result.mean, &result.var, &result.invstd}) part->assign(part->size(), -1.0F);
  forward_training(subject.options(), subject.affine(), x.view(), y.view(), nullptr,
                   {result.mean, result.var, result.invstd});
  result.y = y.values();
  EXPECT_EQ(result.all_bits(), expected.all_bits()) << what;
  EXPECT_EQ(y.untouched(), y.gaps()) << what;
  forward_inference(subject.options(), subject.affine(), x.view(), y.view(), subject.weight,
                    std::vector<float>(subject.bias.size(), 2.0F));
  EXPECT_EQ(bits(y.values()), bits(subject.inferred())) << what;
}

TEST(Invariance, Layouts) {
  for (const Subject& subject : subjects()) {
    const std::vector<float> blank(subject.x.size());
    std::vector<std::size_t> natural(subject.shape.size());
    for (std::size_t k = 0; k < natural.size(); ++k) natural[k] = k;
    std::vector<std::size_t> last = natural;  // channels last
    std::rotate(last.begin() + 1, last.begin() + 2, last.end());
    std::vector<std::size_t> first(natural.rbegin(), natural.rend());
    int number = 0;
    for (const auto& from : {natural, last, first}) {
      for (const auto& to : {natural, last, first}) {
        const std::string what = shape_name(subject.shape) + " pair " + std::to_string(number++);
        expect_same_placed(subject, {subject.x, subject.shape, from}, {blank, subject.shape, to}, what);
      }
    }
    expect_same_placed(subject, {subject.x, subject.shape, natural, 3, 5}, {blank, subject.shape, last, 2, 1},
                       "gaps");
    expect_same_placed(subject, {subject.x, subject.shape, last, 1, 1, {0, 1}},
                       {blank, subject.shape, natural, 1, 3, natural}, "reversed");
  }
}

TEST(Invariance, BroadcastInput) {
  // Stride 0 in x: 6 values for each of 2 channels, 4 times
  std::vector<float> x = normal_values(12, 1.0F, 1.0F, 1);
  const Shape shape{4, 2, 6};
  std::vector<float> repeated;
  for (int i = 0; i < 4; ++i) repeated.insert(repeated.end(), x.begin(), x.end());
  std::vector<float> y(repeated.size());
  forward_training(options_for(shape), {}, TensorView<const float>::strided(x.data(), shape, Shape{0, 6, 1}),
                   TensorView<float>::contiguous(y.data(), shape), nullptr);
  EXPECT_EQ(bits(y), bits(train(options_for(shape), {}, repeated, shape).y));
}

TEST(Invariance, InPlace) {
  for (const Subject& subject : subjects()) {
    for (const bool last : {false, true}) {
      std::vector<std::size_t> order(subject.shape.size());
      for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
      if (last) std::rotate(order.begin() + 1, order.begin() + 2, order.end());
      Placed memory(subject.x, subject.shape, order);
      forward_training(subject.options(), subject.affine(), memory.view(), memory.view(), nullptr);
      EXPECT_EQ(bits(memory.values()), bits(subject.trained().y));
    }
  }
}

TEST(Invariance, ChannelSlicesOfOneBuffer) {
  // x is the first half of the channels, y the second half, in both layouts
  const Shape shape{3, 2, 40};
  const std::vector<float> x = normal_values(numel(shape), 1.0F, 1.0F, 1);
  for (const Shape& strides : {Shape{160, 40, 1}, Shape{160, 1, 4}}) {
    std::vector<float> memory(480);
    const auto in = TensorView<float>::strided(memory.data(), shape, strides);
    const auto out = TensorView<float>::strided(memory.data() + 2 * strides[1], shape, strides);
    const auto at = [&](std::int64_t i) {
      return i / 80 * strides[0] + i / 40 % 2 * strides[1] + i % 40 * strides[2];
    };
    for (std::int64_t i = 0; i < numel(shape); ++i) in.data[at(i)] = x[static_cast<std::size_t>(i)];
    forward_training(options_for(shape), {}, in, out, nullptr);
    const std::vector<float> expected = train(options_for(shape), {}, x, shape).y;
    for (std::int64_t i = 0; i < numel(shape); ++i) {
      ASSERT_EQ(out.data[at(i)], expected[static_cast<std::size_t>(i)]);
      ASSERT_EQ(in.data[at(i)], x[static_cast<std::size_t>(i)]);
    }
  }
}

TEST(Invariance, Threads) {
  for (const Subject& subject : subjects()) {
    const auto expected = subject.trained({.threads = 1}).all_bits();
    const auto inferred = bits(subject.inferred({.threads = 1}));
    for (const int threads : {0, 2, 3, 7, -1}) {
      EXPECT_EQ(subject.trained({threads}).all_bits(), expected) << threads;
      EXPECT_EQ(bits(subject.inferred({threads})), inferred) << threads;
    }
  }
}

TEST(Invariance, RoundingModes) {
  const Subject subject({3, 4, 5, 50});
  const auto expected = subject.trained({.threads = 1}).all_bits();
  const auto inferred = bits(subject.inferred({.threads = 1}));
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    for (const int threads : {1, 3}) {
      std::fesetround(mode);
      const Trained trained = subject.trained({threads});
      const std::vector<float> y = subject.inferred({threads});
      const int after = std::fegetround();
      std::fesetround(FE_TONEAREST);
      EXPECT_EQ(trained.all_bits(), expected) << mode;
      EXPECT_EQ(bits(y), inferred) << mode;
      EXPECT_EQ(after, mode) << "the caller's mode is to be restored";
    }
  }
}

// Some OpenMP runtimes let threads keep the mode that a parallel region of the caller has set, others copy
// the caller's mode at each region. With both set, the workers start in that mode.
TEST(Invariance, RoundingModesOfTheWorkers) {
  const Subject subject({3, 4, 5, 50});
  const auto expected = subject.trained({.threads = 1}).all_bits();
  for (const int mode : {FE_UPWARD, FE_DOWNWARD}) {
    std::fesetround(mode);
#pragma omp parallel num_threads(3)
    std::fesetround(mode);
    const Trained trained = subject.trained({.threads = 3});
    const std::vector<float> y = subject.inferred({.threads = 3});
    int restored = 0;
#pragma omp parallel num_threads(3) reduction(+ : restored)
    {
      restored += std::fegetround() == mode ? 1 : 0;
      std::fesetround(FE_TONEAREST);
    }
    std::fesetround(FE_TONEAREST);
    EXPECT_EQ(trained.all_bits(), expected);
    EXPECT_EQ(bits(y), bits(subject.inferred({.threads = 1})));
    EXPECT_EQ(restored, 3);
  }
}

TEST(Invariance, CallersModeIsRestoredAfterAnError) {
  std::fesetround(FE_UPWARD);
  EXPECT_THROW(train({.dimensions = Dimensions::d1, .num_features = 1}, {}, {1.0F}, {1, 1}), Error);
  const int after = std::fegetround();
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(after, FE_UPWARD);
}

#if defined(__SSE2__)
TEST(Invariance, FlushToZeroAndDenormalsAreZero) {
  // Subnormals as input and as output: γ is 2^-130.
  const Shape shape{64, 2};
  std::vector<float> x = normal_values(numel(shape), 0.0F, 1.0F, 9);
  for (float& value : x) value *= 0x1p-128F;
  const std::vector<float> weight{0x1p-130F, 1.0F};
  Options options = options_for(shape);
  options.eps = 0x1p-126;
  const auto run = [&] { return train(options, {weight, std::nullopt}, x, shape, nullptr, {.threads = 3}); };
  const auto expected = run().all_bits();
  const unsigned before = _mm_getcsr();
  for (const unsigned flags : {0x8000U, 0x0040U, 0x8040U}) {
    _mm_setcsr(before | flags);
    const Trained result = run();
    const unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    EXPECT_EQ(result.all_bits(), expected);
    EXPECT_EQ(after & 0x8040U, flags);
  }
}
#endif

class Target : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

TEST_P(Target, GivesTheSameBits) {
  for (const Subject& subject : subjects()) {
    hwy::SetSupportedTargetsForTest(0);
    const auto expected = subject.trained().all_bits();
    const auto inferred = bits(subject.inferred());
    hwy::SetSupportedTargetsForTest(GetParam());
    EXPECT_EQ(subject.trained().all_bits(), expected) << shape_name(subject.shape);
    EXPECT_EQ(bits(subject.inferred()), inferred) << shape_name(subject.shape);
  }
}

// Comparison with a plain loop, for every length of a tail: `count` neighbouring values, and `count`
// neighbouring channels.
TEST_P(Target, TailsOfInference) {
  for (std::int64_t count = 1; count <= 40; ++count) {
    for (const Shape& shape : {Shape{1, 1, count}, Shape{3, count}}) {
      Subject subject(shape, static_cast<unsigned>(count));
      subject.x.back() = nan;
      subject.x.front() = 3.0e38F;
      subject.weight.front() = 8.0F;  // overflows
      const std::vector<float> y = subject.inferred();
      for (std::size_t i = 0; i < y.size(); ++i) {
        const std::size_t c = shape.size() == 2 ? i % subject.weight.size() : 0;
        const double scale = static_cast<double>(subject.weight[c]) * (1.0 / std::sqrt(2.0 + 1e-5));
        const double difference = static_cast<double>(subject.x[i]) - static_cast<double>(subject.weight[c]);
        const auto expected = static_cast<float>(difference * scale + static_cast<double>(subject.bias[c]));
        ASSERT_EQ(bits({{y[i]}}).front(), std::isnan(expected) ? nan_bits : bits({{expected}}).front())
            << count;
      }
    }
  }
}

// Sums of every length: 255 … 258 end a block. With small integers the sums are exact, so the mean and the
// variance are the correctly rounded quotients, except for one rounding to double before the one to float.
TEST_P(Target, TailsOfTraining) {
  for (std::int64_t n = 2; n <= 300; n = n == 40 ? 250 : n + 1) {
    std::vector<float> x;
    for (std::int64_t i = 0; i < n; ++i) x.push_back(static_cast<float>(i * i % 19 - 7));
    const Reference reference(x);
    const Shape plane{1, 1, n};
    const Trained result = train(options_for(plane), {}, x, plane);
    EXPECT_EQ(result.mean[0], static_cast<float>(reference.mean)) << n;
    EXPECT_EQ(result.var[0], static_cast<float>(reference.var)) << n;
    std::vector<float> rows;
    for (const float value : x) rows.insert(rows.end(), {value, value, value});
    const Shape row{n, 3};
    const Trained by_rows = train(options_for(row), {}, rows, row);
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(bits({{by_rows.mean[c], by_rows.var[c]}}), bits({{result.mean[0], result.var[0]}})) << n;
    }
  }
}

std::string target_name(const ::testing::TestParamInfo<std::int64_t>& info) {
  return hwy::TargetName(info.param);
}
INSTANTIATE_TEST_SUITE_P(Highway, Target, ::testing::ValuesIn(all_targets()), target_name);

}  // namespace
}  // namespace bn::test
