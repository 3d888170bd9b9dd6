// Backward gives the same bits for every layout, thread count, instruction set, floating-point environment of
// the caller and choice of outputs.
#include <cfenv>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "backward_support.hpp"
#include "targets.hpp"

namespace bn::test {
namespace {

struct Subject {
  Shape shape;
  std::vector<float> x, dy, weight;
  Running running;

  explicit Subject(Shape of, unsigned seed = 1)
      : shape(std::move(of)),
        x(normal_values(numel(shape), 3.0F, 2.0F, seed)),
        dy(normal_values(numel(shape), -1.0F, 1.0F, seed + 1)),
        weight(normal_values(shape[1], 1.0F, 1.0F, seed + 2)),
        running{normal_values(shape[1], 3.0F, 1.0F, seed + 3), std::vector<float>(weight.size(), 2.0F)} {
    dy[0] = 0x1p-140F;  // a subnormal, which must not be flushed
  }
  [[nodiscard]] Options options() const { return options_for(shape); }
  [[nodiscard]] Affine affine() const { return {weight, std::nullopt}; }
  [[nodiscard]] Graded graded(bool training, const Execution& execution = {}) const {
    return backward(options(), affine(), x, dy, shape, training ? std::nullopt : std::optional(running),
                    execution);
  }
  void call(bool training, TensorView<const float> x_view, TensorView<const float> dy_view,
            const Gradients& gradients) const {
    if (training) {
      backward_training(options(), affine(), x_view, dy_view, gradients);
    } else {
      backward_inference(options(), affine(), x_view, dy_view, gradients, running.mean, running.var);
    }
  }
  [[nodiscard]] std::vector<std::size_t> natural() const {
    std::vector<std::size_t> order(shape.size());
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
    return order;
  }
  [[nodiscard]] std::vector<std::size_t> channels_last() const {
    std::vector<std::size_t> order = natural();
    std::rotate(order.begin() + 1, order.begin() + 2, order.end());
    return order;
  }
};

std::vector<Subject> subjects() {
  std::vector<Subject> all;
  for (const Shape& shape : {Shape{33, 5}, Shape{2, 1}, Shape{2, 7}, Shape{300, 70}, Shape{1, 3, 40},
                             Shape{3, 4, 1, 7}, Shape{2, 3, 5, 1}, Shape{2, 17, 16, 17}, Shape{5, 1, 3, 3},
                             Shape{2, 3, 4, 5, 6}, Shape{1, 2, 1, 1, 600}}) {
    all.emplace_back(shape);
  }
  return all;
}

void expect_same_placed(const Subject& subject, Placed x, Placed dy, Placed dx, const std::string& what) {
  for (const bool training : {true, false}) {
    const Graded expected = subject.graded(training);
    Graded result(subject.x.size(), subject.weight.size());
    subject.call(training, x.view(), dy.view(), {dx.view(), result.dweight, result.dbias});
    result.dx = dx.values();
    EXPECT_EQ(result.all_bits(), expected.all_bits()) << what << " training " << training;
    EXPECT_EQ(dx.untouched(), dx.gaps()) << what;
    EXPECT_EQ(bits(x.values()), bits(subject.x)) << what;
    EXPECT_EQ(bits(dy.values()), bits(subject.dy)) << what;
  }
}

TEST(BackwardInvariance, Layouts) {
  for (const Subject& subject : subjects()) {
    const std::vector<float> blank(subject.x.size());
    const std::vector<std::size_t> natural = subject.natural();
    const std::vector<std::size_t> last = subject.channels_last();
    const std::vector<std::size_t> first(natural.rbegin(), natural.rend());
    int number = 0;
    for (const auto& from : {natural, last, first}) {
      for (const auto& with : {natural, last, first}) {
        for (const auto& to : {natural, last, first}) {
          expect_same_placed(subject, {subject.x, subject.shape, from}, {subject.dy, subject.shape, with},
                             {blank, subject.shape, to},
                             shape_name(subject.shape) + " triple " + std::to_string(number++));
        }
      }
    }
    expect_same_placed(subject, {subject.x, subject.shape, natural, 3, 5},
                       {subject.dy, subject.shape, last, 1, 2}, {blank, subject.shape, last, 2, 1}, "gaps");
    expect_same_placed(subject, {subject.x, subject.shape, last, 1, 1, {0, 1}},
                       {subject.dy, subject.shape, natural, 2, 0, {1}},
                       {blank, subject.shape, natural, 1, 3, natural}, "reversed");
  }
}

// Stride 0: 6 values of x for each of 2 channels, 4 times, and one of dy for each channel.
TEST(BackwardInvariance, BroadcastInputs) {
  const Subject subject({4, 2, 6});
  std::vector<float> repeated;
  std::vector<float> constant;
  for (std::size_t i = 0; i < 48; ++i) {
    repeated.push_back(subject.x[i % 12]);
    constant.push_back(subject.dy[i / 6 % 2]);
  }
  const auto x = TensorView<const float>::strided(subject.x.data(), subject.shape, Shape{0, 6, 1});
  const auto dy = TensorView<const float>::strided(subject.dy.data(), subject.shape, Shape{0, 1, 0});
  const auto plain = TensorView<const float>::contiguous(subject.dy.data(), subject.shape);
  for (const auto& [view, values] : {std::pair{dy, constant}, {plain, subject.dy}}) {
    Graded result(48, 2);
    subject.call(
        true, x, view,
        {TensorView<float>::contiguous(result.dx.data(), subject.shape), result.dweight, result.dbias});
    EXPECT_EQ(result.all_bits(),
              backward(subject.options(), subject.affine(), repeated, values, subject.shape).all_bits());
  }
}

TEST(BackwardInvariance, InPlace) {
  for (const Subject& subject : subjects()) {
    for (const auto& x_order : {subject.natural(), subject.channels_last()}) {
      for (const auto& order : {subject.natural(), subject.channels_last()}) {
        for (const bool training : {true, false}) {
          Placed x(subject.x, subject.shape, x_order);
          Placed memory(subject.dy, subject.shape, order);
          Graded result(subject.x.size(), subject.weight.size());
          subject.call(training, x.view(), memory.view(), {memory.view(), result.dweight, result.dbias});
          result.dx = memory.values();
          EXPECT_EQ(result.all_bits(), subject.graded(training).all_bits()) << shape_name(subject.shape);
        }
      }
    }
  }
}

// Each tensor is a slice of the channels of another, wider buffer: rows and planes of three different
// pitches.
TEST(BackwardInvariance, ChannelSlicesOfWiderBuffers) {
  const Subject subject({4, 3, 50});
  for (const bool rows : {true, false}) {
    const auto strides = [&](std::int64_t width) {
      return rows ? Shape{50 * width, 1, width} : Shape{50 * width, 50, 1};
    };
    const auto place = [&](std::size_t i, std::int64_t width) {
      const auto k = static_cast<std::int64_t>(i);
      const Shape s = strides(width);
      return static_cast<std::size_t>(k / 150 * s[0] + k / 50 % 3 * s[1] + k % 50 * s[2]);
    };
    std::vector<float> x(4 * 50 * 4), dy(4 * 50 * 5), dx(4 * 50 * 7, -77.0F);
    for (std::size_t i = 0; i < subject.x.size(); ++i) {
      x[place(i, 4)] = subject.x[i];
      dy[place(i, 5)] = subject.dy[i];
    }
    for (const bool training : {true, false}) {
      Graded result(subject.x.size(), 3);
      subject.call(
          training, TensorView<const float>::strided(x.data(), subject.shape, strides(4)),
          TensorView<const float>::strided(dy.data(), subject.shape, strides(5)),
          {TensorView<float>::strided(dx.data(), subject.shape, strides(7)), result.dweight, result.dbias});
      for (std::size_t i = 0; i < subject.x.size(); ++i) result.dx[i] = dx[place(i, 7)];
      EXPECT_EQ(result.all_bits(), subject.graded(training).all_bits()) << rows << training;
      EXPECT_EQ(std::ranges::count(dx, -77.0F), std::ssize(dx) - numel(subject.shape));
    }
  }
}

// x and dy are only read, so they may be the same memory or overlap in any way.
TEST(BackwardInvariance, InputsMayOverlap) {
  const Shape shape{5, 2, 3};
  const std::vector<float> memory = normal_values(40, 0.0F, 1.0F, 3);
  for (const std::size_t offset : {std::size_t{0}, std::size_t{7}}) {
    const std::vector<float> x(memory.begin(), memory.begin() + 30);
    const std::vector<float> dy(memory.begin() + static_cast<std::ptrdiff_t>(offset),
                                memory.begin() + static_cast<std::ptrdiff_t>(offset) + 30);
    Graded result(30, 2);
    backward_training(options_for(shape), {}, TensorView<const float>::contiguous(memory.data(), shape),
                      TensorView<const float>::contiguous(memory.data() + offset, shape),
                      {TensorView<float>::contiguous(result.dx.data(), shape), result.dweight, result.dbias});
    EXPECT_EQ(result.all_bits(), backward(options_for(shape), {}, x, dy, shape).all_bits());
  }
}

TEST(BackwardInvariance, WhatIsNotWantedIsNotWrittenAndChangesNothing) {
  for (const Subject& subject : {Subject({2, 3}), Subject({60, 17}), Subject({3, 4, 5, 7})}) {
    for (const bool training : {true, false}) {
      const Graded all = subject.graded(training);
      for (unsigned wanted = 0; wanted < 8; ++wanted) {
        Graded result(subject.x.size(), subject.weight.size());
        Graded expected = result;
        Gradients gradients;
        if ((wanted & 1U) != 0) {
          gradients.dx = TensorView<float>::contiguous(result.dx.data(), subject.shape);
          expected.dx = all.dx;
        }
        if ((wanted & 2U) != 0) {
          gradients.dweight = result.dweight;
          expected.dweight = all.dweight;
        }
        if ((wanted & 4U) != 0) {
          gradients.dbias = result.dbias;
          expected.dbias = all.dbias;
        }
        subject.call(training, TensorView<const float>::contiguous(subject.x.data(), subject.shape),
                     TensorView<const float>::contiguous(subject.dy.data(), subject.shape), gradients);
        EXPECT_EQ(result.all_bits(), expected.all_bits()) << wanted;
      }
    }
  }
}

TEST(BackwardInvariance, Threads) {
  for (const Subject& subject : subjects()) {
    for (const bool training : {true, false}) {
      const auto expected = subject.graded(training, {.threads = 1}).all_bits();
      for (const int threads : {0, 2, 3, 7, -1}) {
        EXPECT_EQ(subject.graded(training, {threads}).all_bits(), expected) << threads;
      }
    }
  }
}

TEST(BackwardInvariance, RoundingModes) {
  const Subject subject({3, 4, 5, 50});
  for (const bool training : {true, false}) {
    const auto expected = subject.graded(training, {.threads = 1}).all_bits();
    for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
      for (const int threads : {1, 3}) {
        std::fesetround(mode);
        const Graded result = subject.graded(training, {threads});
        const int after = std::fegetround();
        std::fesetround(FE_TONEAREST);
        EXPECT_EQ(result.all_bits(), expected) << mode;
        EXPECT_EQ(after, mode) << "the caller's mode is to be restored";
      }
    }
  }
}

#if defined(__SSE2__)
TEST(BackwardInvariance, FlushToZeroAndDenormalsAreZero) {
  // Subnormals as input and as output: γ is 2^-130 in one channel.
  Subject subject({64, 2});
  for (float& value : subject.x) value *= 0x1p-128F;
  for (float& value : subject.dy) value *= 0x1p-128F;
  subject.weight = {0x1p-130F, 1.0F};
  for (const bool training : {true, false}) {
    const auto expected = subject.graded(training, {.threads = 3}).all_bits();
    const unsigned before = _mm_getcsr();
    for (const unsigned flags : {0x8000U, 0x0040U, 0x8040U}) {
      _mm_setcsr(before | flags);
      const Graded result = subject.graded(training, {.threads = 3});
      const unsigned after = _mm_getcsr();
      _mm_setcsr(before);
      EXPECT_EQ(result.all_bits(), expected);
      EXPECT_EQ(after & 0x8040U, flags);
    }
  }
}
#endif

class BackwardTarget : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

// All lengths of a vector's tail, along a channel and across channels.
TEST_P(BackwardTarget, GivesTheSameBits) {
  std::vector<Subject> all = subjects();
  for (std::int64_t n = 2; n <= 70; ++n) {
    for (const Shape& shape : {Shape{1, 2, n}, Shape{n, 2}, Shape{3, n}}) {
      all.emplace_back(shape, static_cast<unsigned>(n));
      all.back().dy.back() = n % 3 == 0 ? nan : 3.0e38F;
    }
  }
  for (const Subject& subject : all) {
    for (const bool training : {true, false}) {
      hwy::SetSupportedTargetsForTest(0);
      const auto expected = subject.graded(training).all_bits();
      hwy::SetSupportedTargetsForTest(GetParam());
      EXPECT_EQ(subject.graded(training).all_bits(), expected) << shape_name(subject.shape);
    }
  }
}

std::string target_name(const ::testing::TestParamInfo<std::int64_t>& info) {
  return hwy::TargetName(info.param);
}
INSTANTIATE_TEST_SUITE_P(Highway, BackwardTarget, ::testing::ValuesIn(all_targets()), target_name);

}  // namespace
}  // namespace bn::test
