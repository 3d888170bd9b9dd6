#include "subjects/memory/guarded_buffer.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "subjects/memory/forward_buffers.hpp"
#include "subjects/memory/gradient_buffers.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

Tensor counted(const Shape& shape) {
  Tensor tensor = Tensor::filled(shape, 0);
  for (std::size_t i = 0; i < tensor.size(); ++i) tensor.floats()[i] = static_cast<float>(i + 1);
  return tensor;
}

std::uint32_t word(const float* at) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, at, sizeof bits);
  return bits;
}

const Placement gappy{{0, 2, 1}, {3, 0, 2}, 4};

TEST(GuardedBuffer, HoldsTheValuesWhereTheStridesSay) {
  const Tensor x = counted({2, 3, 4});
  for (const Placement& placement : {Placement{}, channels_last(3), gappy}) {
    GuardedBuffer buffer(x, placement);
    ASSERT_EQ(buffer.strides(), strides_of(placement, x.shape));
    const std::vector<std::int64_t>& strides = buffer.strides();
    std::size_t i = 0;
    for (std::int64_t n = 0; n < 2; ++n) {
      for (std::int64_t c = 0; c < 3; ++c) {
        for (std::int64_t l = 0; l < 4; ++l) {
          EXPECT_EQ(buffer.data()[n * strides[0] + c * strides[1] + l * strides[2]], x.floats()[i++]);
        }
      }
    }
    EXPECT_EQ(buffer.gather(), x);
    EXPECT_TRUE(buffer.guards_intact());
    EXPECT_TRUE(buffer.unchanged());
  }
}

TEST(GuardedBuffer, SeesAWriteBeforeAndAfter) {
  for (const std::int64_t at : {-1, -64, 6, 69}) {
    GuardedBuffer buffer(counted({2, 3}), Placement{});
    buffer.data()[at] = 1;
    EXPECT_FALSE(buffer.guards_intact()) << "at " << at;
    EXPECT_FALSE(buffer.unchanged());
  }
}

/// offset + extent + two zones: the words before the first element include those of the offset.
TEST(GuardedBuffer, SeesAWriteIntoTheOffset) {
  GuardedBuffer buffer(counted({2, 3, 4}), gappy);
  buffer.data()[-4] = 0;
  EXPECT_FALSE(buffer.guards_intact());
}

TEST(GuardedBuffer, SeesAWriteIntoEveryGap) {
  const Tensor x = counted({2, 3, 4});
  const std::int64_t extent = extent_of(gappy, x.shape);
  int gaps = 0;
  for (std::int64_t at = 0; at < extent; ++at) {
    GuardedBuffer buffer(x, gappy);
    const bool gap = word(buffer.data() + at) == GuardedBuffer::tell_tale;
    buffer.data()[at] = -1;
    EXPECT_EQ(buffer.guards_intact(), !gap) << "at " << at;
    EXPECT_FALSE(buffer.unchanged());
    gaps += gap ? 1 : 0;
  }
  EXPECT_EQ(gaps, extent - static_cast<std::int64_t>(x.size()));
}

TEST(GuardedBuffer, AFreshOneHoldsTheTellTale) {
  GuardedBuffer buffer(Shape{2, 2}, Placement{});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(word(buffer.data() + i), GuardedBuffer::tell_tale);
  buffer.data()[3] = 0;
  EXPECT_TRUE(buffer.guards_intact());
  EXPECT_FALSE(buffer.unchanged());
}

/// A signalling NaN and both zeros stay as they are.
TEST(GuardedBuffer, KeepsEveryBit) {
  const Tensor x = vector_of({std::bit_cast<float>(0x7f800001U), -0.0f, 0.0f, std::bit_cast<float>(1U)});
  GuardedBuffer buffer(x, Placement{});
  EXPECT_EQ(buffer.gather(), x);
  buffer.data()[2] = -0.0f;
  EXPECT_FALSE(buffer.unchanged());
}

TEST(GuardedBuffer, AnEmptyTensorIsAllGuards) {
  for (const Shape& shape : {Shape{0, 3, 4}, Shape{2, 3, 0}, Shape{0}}) {
    GuardedBuffer buffer(Tensor::filled(shape, 0), Placement{});
    EXPECT_EQ(buffer.gather(), Tensor::filled(shape, 0));
    EXPECT_TRUE(buffer.guards_intact());
    buffer.data()[0] = 1;
    EXPECT_FALSE(buffer.guards_intact());
  }
}

TEST(GuardedBuffer, TakesStridesThatOverlap) {
  GuardedBuffer buffer(Shape{2, 3}, {0, 1}, 6);
  for (int i = 0; i < 3; ++i) buffer.data()[i] = static_cast<float>(i);
  const Tensor both = buffer.gather();
  EXPECT_EQ(both, Tensor::of({2, 3}, std::vector<float>{0, 1, 2, 0, 1, 2}));
  EXPECT_TRUE(buffer.guards_intact());
}

TEST(CallBuffers, TellWhatBecameOfThem) {
  const Tensor input = counted({2, 3});
  CallBuffers untouched(input, {});
  EXPECT_FALSE(untouched.damage(0));
  EXPECT_FALSE(untouched.touched());

  CallBuffers written(input, {});
  written.out()[5] = 1;
  EXPECT_FALSE(written.damage(0));
  EXPECT_TRUE(written.touched());

  CallBuffers beyond(input, {});
  beyond.out()[6] = 1;
  ASSERT_TRUE(beyond.damage(2));
  EXPECT_EQ(beyond.damage(2)->cause, Death::Cause::guard_zone);
  EXPECT_EQ(beyond.damage(2)->call, 2U);

  CallBuffers read(input, {});
  read.in()[0] = 9;
  ASSERT_TRUE(read.damage(0));
  EXPECT_EQ(read.damage(0)->cause, Death::Cause::input_changed);
}

TEST(CallBuffers, InPlaceIsOneMemory) {
  Exec exec;
  exec.overlap = Overlap::in_place;
  CallBuffers buffers(counted({2, 3}), exec);
  EXPECT_EQ(buffers.in(), buffers.out());
  buffers.out()[0] = 9;
  EXPECT_FALSE(buffers.damage(0));
  EXPECT_EQ(buffers.gather_out().floats()[0], 9);

  exec.overlap = Overlap::shifted;
  CallBuffers shifted(counted({2, 3}), exec);
  EXPECT_EQ(shifted.out(), shifted.in() + 1);
}

TEST(CallBuffers, AnOverlappingYRepeatsAddresses) {
  Exec exec;
  exec.overlap = Overlap::y_itself;
  CallBuffers buffers(counted({1, 3, 2}), exec);
  EXPECT_EQ(buffers.out_strides(), (std::vector<std::int64_t>{6, 0, 1}));
  EXPECT_NE(buffers.in(), buffers.out());
}

State three_of_everything() {
  State state;
  for (const auto& [name, member] : state_tensors) state.*member = counted({3});
  return state;
}

TEST(StateBuffers, ParametersAreInputsAndStatisticsAreWhereNothingIsUpdated) {
  const State state = three_of_everything();
  for (OptionalBuffer StateBuffers::* parameter : {&StateBuffers::weight, &StateBuffers::bias}) {
    StateBuffers buffers(state);
    EXPECT_FALSE(buffers.touched());
    (buffers.*parameter)->data()[1] = 9;
    EXPECT_TRUE(buffers.touched());
    ASSERT_TRUE(buffers.damage(2, true));
    EXPECT_EQ(buffers.damage(2, true)->cause, Death::Cause::input_changed);
    EXPECT_EQ(buffers.damage(2, true)->call, 2U);
  }
  for (OptionalBuffer StateBuffers::* statistic :
       {&StateBuffers::running_mean, &StateBuffers::running_var, &StateBuffers::running_weight}) {
    StateBuffers buffers(state);
    (buffers.*statistic)->data()[1] = 9;
    EXPECT_FALSE(buffers.damage(0, true));
    ASSERT_TRUE(buffers.damage(0, false));
    EXPECT_EQ(buffers.damage(0, false)->cause, Death::Cause::input_changed);
    (buffers.*statistic)->data()[3] = 9;
    ASSERT_TRUE(buffers.damage(0, true));
    EXPECT_EQ(buffers.damage(0, true)->cause, Death::Cause::guard_zone);
  }
}

TEST(StateBuffers, GiveTheStatisticsAndNothingElse) {
  StateBuffers buffers(three_of_everything());
  for (OptionalBuffer* buffer : {&buffers.weight, &buffers.running_mean, &buffers.running_weight})
    (*buffer)->data()[0] = 9;
  State state = three_of_everything();
  state.running_var.reset();
  buffers.gather_into(state);
  EXPECT_EQ(state.weight, counted({3}));
  EXPECT_EQ(state.running_mean->floats()[0], 9);
  EXPECT_EQ(state.running_var, counted({3}));
  EXPECT_EQ(state.running_weight->floats()[0], 9);
}

TEST(ForwardBuffers, TellWhatBecameOfThem) {
  const Tensor x = counted({2, 3});
  ForwardBuffers buffers(three_of_everything(), x, {}, Saved::mean_invstd, 3);
  EXPECT_FALSE(buffers.damage(0, true));
  EXPECT_FALSE(buffers.touched());
  EXPECT_FALSE(buffers.saved.var);
  buffers.saved.invstd->data()[2] = 7;
  buffers.tensors.out()[0] = 5;
  EXPECT_TRUE(buffers.touched());
  EXPECT_FALSE(buffers.damage(0, true));
  EXPECT_EQ(buffers.gather(true).outputs.at(Output::saved_invstd).floats()[2], 7);
  EXPECT_EQ(buffers.gather(true).outputs.size(), 3U);
  EXPECT_EQ(buffers.gather(false).outputs.size(), 1U);
  buffers.saved.mean->data()[3] = 1;
  ASSERT_TRUE(buffers.damage(4, true));
  EXPECT_EQ(buffers.damage(4, true)->detail, "around saved_mean");
  EXPECT_EQ(buffers.damage(4, true)->call, 4U);
}

TEST(ForwardBuffers, SaveWhatTheDialectSavesInTheDtypeOfTheParameters) {
  State state;
  state.weight = Tensor::zeros(Dtype::f64, {3});
  ForwardBuffers buffers(state, counted({2, 3}), {}, Saved::mean_var, 3);
  EXPECT_FALSE(buffers.saved.invstd);
  EXPECT_EQ(buffers.saved.var->dtype(), Dtype::f64);
  // A bias may be the only vector.
  State lone;
  lone.bias = Tensor::zeros(Dtype::f64, {3});
  EXPECT_EQ(ForwardBuffers(lone, counted({2, 3}), {}, Saved::mean_var, 3).saved.var->dtype(), Dtype::f64);
  ForwardBuffers none(state, counted({2, 3}), {}, Saved::none, 3);
  EXPECT_FALSE(none.saved.mean);
}

Backward gradient_of(const Tensor& dy) {
  return {dy, true, true, true, {}};
}

TEST(GradientBuffers, TellWhatBecameOfThem) {
  const Forward forward{true, counted({2, 3})};
  GradientBuffers buffers({}, forward, {}, gradient_of(counted({2, 3})), {}, 3);
  EXPECT_FALSE(buffers.damage(0));
  EXPECT_FALSE(buffers.touched());
  buffers.dx().floats()[5] = 1;
  buffers.dweight()->data()[2] = 2;
  buffers.dbias()->data()[0] = 3;
  EXPECT_FALSE(buffers.damage(0));
  EXPECT_TRUE(buffers.touched());
  const Values values = buffers.gather();
  EXPECT_EQ(values.outputs.at(Output::dx).floats()[5], 1);
  EXPECT_EQ(values.outputs.at(Output::dweight).floats()[2], 2);
  EXPECT_EQ(values.outputs.at(Output::dbias).floats()[0], 3);

  buffers.dbias()->data()[3] = 1;
  ASSERT_TRUE(buffers.damage(1));
  EXPECT_EQ(buffers.damage(1)->cause, Death::Cause::guard_zone);

  GradientBuffers input({}, forward, {}, gradient_of(counted({2, 3})), {}, 3);
  input.x().data()[0] = 9;
  ASSERT_TRUE(input.damage(0));
  EXPECT_EQ(input.damage(0)->cause, Death::Cause::input_changed);
}

TEST(GradientBuffers, StatisticsAreInputs) {
  const Forward forward{false, counted({2, 3})};
  GradientBuffers buffers(three_of_everything(), forward, {}, gradient_of(counted({2, 3})), {}, 3);
  EXPECT_FALSE(buffers.damage(0));
  buffers.state().running_var->data()[0] = 9;
  ASSERT_TRUE(buffers.damage(0));
  EXPECT_EQ(buffers.damage(0)->cause, Death::Cause::input_changed);
  EXPECT_TRUE(buffers.touched());
}

TEST(GradientBuffers, WhatIsNotWantedIsNotThere) {
  const Forward forward{true, counted({2, 3})};
  Backward backward = gradient_of(counted({2, 3}));
  backward.want_dx = backward.want_dweight = false;
  Exec exec;
  exec.overlap = Overlap::in_place;
  GradientBuffers buffers({}, forward, {}, backward, exec, 3);
  EXPECT_FALSE(buffers.dweight());
  EXPECT_EQ(buffers.gather().outputs.size(), 1U);
  // Without dx, dy must stay as it is, although dx would lie in its place.
  buffers.tensors().in()[0] = 9;
  EXPECT_TRUE(buffers.damage(0));
}

TEST(GradientBuffers, DxMayBeAskedToCoverX) {
  const Forward forward{true, counted({2, 3})};
  Exec exec;
  exec.overlap = Overlap::dx_and_x;
  Exec forward_exec;
  forward_exec.x.order = {1, 0};
  GradientBuffers buffers({}, forward, forward_exec, gradient_of(counted({2, 3})), exec, 3);
  EXPECT_EQ(buffers.dx().floats(), buffers.x().data());
  EXPECT_EQ(*buffers.dx().strides, buffers.x().strides());
}

}  // namespace
}  // namespace bncheck::test
