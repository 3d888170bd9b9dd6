// The layer: modes, state, cloning, loading.
#include <functional>

#include "support.hpp"

namespace bn::test {
namespace {

const Shape shape{4, 3, 5};

std::vector<float> run(BatchNorm& layer, const std::vector<float>& x, const Shape& of = shape) {
  std::vector<float> y(x.size());
  layer.forward(TensorView<const float>::contiguous(x.data(), of),
                TensorView<float>::contiguous(y.data(), of));
  return y;
}

std::vector<float> input(unsigned seed = 1) {
  return normal_values(numel(shape), 2.0F, 3.0F, seed);
}

TEST(Layer, StartsAsDocumented) {
  const BatchNorm1d layer({.num_features = 2});
  EXPECT_TRUE(layer.is_training());
  EXPECT_EQ(layer.state(), (State{std::vector{1.0F, 1.0F}, std::vector{0.0F, 0.0F}, std::vector{0.0F, 0.0F},
                                  std::vector{1.0F, 1.0F}, 0}));
  EXPECT_EQ(BatchNorm2d({.num_features = 1}).dimensions(), Dimensions::d2);
  EXPECT_EQ(BatchNorm3d({.num_features = 1}).dimensions(), Dimensions::d3);
}

TEST(Layer, RejectsOptions) {
  const auto kind = [](const LayerOptions& options) {
    try {
      const BatchNorm1d layer(options);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::no_forward;
  };
  EXPECT_EQ(kind({.num_features = 0}), ErrorKind::channels);
  EXPECT_EQ(kind({.num_features = 1, .eps = -1.0}), ErrorKind::eps);
  EXPECT_EQ(kind({.num_features = 1, .momentum = HUGE_VAL}), ErrorKind::momentum);
}

TEST(Layer, StartsFromAState) {
  BatchNorm1d trained({.num_features = 3});
  run(trained, input());
  BatchNorm again(Dimensions::d1, trained.options(), trained.state());
  EXPECT_EQ(again.state(), trained.state());
  EXPECT_EQ(bits(run(again, input(2))), bits(run(trained, input(2))));
}

/// More channels than fit in any memory.
TEST(Layer, RefusesAStateBeforeItAllocates) {
  const LayerOptions endless{.num_features = std::int64_t{1} << 50};
  try {
    const BatchNorm layer(Dimensions::d1, endless, BatchNorm1d({.num_features = 1}).state());
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::length);
  }
}

TEST(Layer, TrainingUpdatesAndInferenceDoesNot) {
  BatchNorm1d layer({.num_features = 3});
  const std::vector<float> x = input();
  std::vector<float> mean(3, 0.0F), var(3, 1.0F);
  std::int64_t counter = 0;
  RunningStatistics running{mean, var, &counter};
  const Trained expected = train(options_for(shape), {}, x, shape, &running);
  EXPECT_EQ(bits(run(layer, x)), bits(expected.y));
  EXPECT_EQ(bits(layer.running_mean()), bits(mean));
  EXPECT_EQ(bits(layer.running_var()), bits(var));
  EXPECT_EQ(layer.num_batches_tracked(), 1);
  layer.eval();
  EXPECT_FALSE(layer.is_training());
  const State before = layer.state();
  EXPECT_EQ(bits(run(layer, x)), bits(infer(options_for(shape), {}, x, shape, mean, var)));
  EXPECT_EQ(layer.state(), before);
  layer.train();
  run(layer, x);
  EXPECT_EQ(layer.num_batches_tracked(), 2);
}

TEST(Layer, ParametersAreUsed) {
  BatchNorm1d layer({.num_features = 3});
  layer.weight()[1] = 0.0F;
  layer.bias()[1] = 7.0F;
  const std::vector<float> y = run(layer, input());
  EXPECT_EQ(y[5], 7.0F);
  EXPECT_NE(y[0], 7.0F);
}

/// As a layer with both that has β = 0, or γ = 1.
TEST(Layer, WeightAndBiasMayStandAlone) {
  for (const bool training : {true, false}) {
    const auto y_of = [&](BatchNorm layer) {
      layer.train(training);
      return bits(run(layer, input()));
    };
    BatchNorm1d both({.num_features = 3});
    BatchNorm1d scale({.num_features = 3, .bias = false});
    BatchNorm1d shift({.num_features = 3, .weight = false});
    EXPECT_TRUE(scale.bias().empty());
    EXPECT_TRUE(shift.weight().empty());
    both.weight()[1] = scale.weight()[1] = -2.5F;
    EXPECT_EQ(y_of(scale), y_of(both));
    both.weight()[1] = 1;
    both.bias()[1] = shift.bias()[1] = 7.0F;
    EXPECT_EQ(y_of(shift), y_of(both));
    EXPECT_FALSE(scale.state().bias);
    EXPECT_FALSE(shift.state().weight);
    EXPECT_EQ(scale.state().weight, (std::vector{1.0F, -2.5F, 1.0F}));
    EXPECT_EQ(shift.state().bias, (std::vector{0.0F, 7.0F, 0.0F}));
    EXPECT_THROW(scale.load(both.state()), Error);
    EXPECT_THROW(shift.load(scale.state()), Error);
  }
}

TEST(Layer, WithoutTrackingUsesTheBatchInBothModes) {
  BatchNorm1d layer({.num_features = 3, .weight = false, .bias = false, .track_running_stats = false});
  EXPECT_EQ(layer.state(), State{});
  EXPECT_TRUE(layer.weight().empty());
  const std::vector<float> x = input();
  const std::vector<float> y = run(layer, x);
  layer.eval();
  EXPECT_EQ(bits(run(layer, x)), bits(y));
  EXPECT_EQ(layer.state(), State{});
  EXPECT_THROW(run(layer, {1, 2, 3}, {1, 3}), Error);
}

TEST(Layer, FailingCallsChangeNothing) {
  BatchNorm1d layer({.num_features = 3});
  run(layer, input());
  const State before = layer.state();
  EXPECT_THROW(run(layer, {1, 2, 3}, {1, 3}), Error);
  EXPECT_THROW(run(layer, {1, 2, 3, 4}, {2, 2}), Error);
  EXPECT_EQ(layer.state(), before);
  std::vector<float> x = input();
  const auto view = TensorView<const float>::contiguous(x.data(), Shape{1, 3, 1});
  auto weight = TensorView<float>::contiguous(layer.weight().data(), Shape{1, 3, 1});
  layer.eval();
  EXPECT_THROW(layer.forward(view, weight), Error);
  EXPECT_EQ(layer.state(), before);
}

TEST(Layer, ZeroEpsIsForInferenceOnly) {
  BatchNorm1d layer({.num_features = 3, .eps = 0.0});
  EXPECT_THROW(run(layer, input()), Error);
  layer.eval();
  EXPECT_EQ(run(layer, {1, 2, 3}, {1, 3}), (std::vector<float>{1, 2, 3}));
}

TEST(Layer, CumulativeAverageAndSetMomentum) {
  BatchNorm1d layer({.num_features = 1, .momentum = std::nullopt});
  run(layer, {1, 3}, {2, 1});
  run(layer, {4, 8}, {2, 1});
  EXPECT_EQ(layer.running_mean()[0], 4.0F);
  EXPECT_EQ(layer.running_var()[0], 5.0F);  // of 2 and 8
  layer.set_momentum(1.0);
  run(layer, {4, 8}, {2, 1});
  EXPECT_EQ(layer.running_mean()[0], 6.0F);
  EXPECT_THROW(layer.set_momentum(std::nan("")), Error);
  EXPECT_EQ(layer.options().momentum, 1.0);
}

TEST(Layer, SavesStatisticsWhereTheBatchIsUsed) {
  BatchNorm1d layer({.num_features = 1});
  const std::vector<float> x{1, 3};
  std::vector<float> y(2), mean(1), var(1), invstd(1);
  const auto in = TensorView<const float>::contiguous(x.data(), Shape{2, 1});
  const auto out = TensorView<float>::contiguous(y.data(), Shape{2, 1});
  layer.forward(in, out, {mean, var, {}});
  EXPECT_EQ(mean[0], 2.0F);
  EXPECT_EQ(var[0], 1.0F);
  EXPECT_EQ(invstd[0], 0.0F);
  layer.eval();
  layer.forward(in, out, {{}, {}, invstd});
  EXPECT_EQ(invstd[0], 0.0F);
}

TEST(Layer, ClonesAreIndependent) {
  BatchNorm1d layer({.num_features = 3});
  run(layer, input());
  BatchNorm copy = layer.clone();
  EXPECT_EQ(copy.state(), layer.state());
  const State before = layer.state();
  run(copy, input(2));
  copy.weight()[0] = 5.0F;
  EXPECT_EQ(layer.state(), before);
}

TEST(Layer, LoadedStateContinuesWhereItWasSaved) {
  BatchNorm1d layer({.num_features = 3});
  layer.weight()[2] = 3.0F;
  run(layer, input(1));
  BatchNorm1d other({.num_features = 3});
  other.load(layer.state());
  EXPECT_EQ(other.state(), layer.state());
  EXPECT_EQ(bits(run(other, input(2))), bits(run(layer, input(2))));
  EXPECT_EQ(other.state(), layer.state());
}

struct BadState {
  ErrorKind kind;
  std::string message;
  std::function<void(State&)> spoil;
};

TEST(Layer, RejectsStatesThatDoNotFit) {
  const std::vector<BadState> bad = {
      {ErrorKind::length, "weight: expected 3 elements, got 2", [](State& s) { s.weight->pop_back(); }},
      {ErrorKind::length, "weight: expected 3 elements, got none", [](State& s) { s.weight.reset(); }},
      {ErrorKind::length, "bias: expected 3 elements, got 4", [](State& s) { s.bias->push_back(0); }},
      {ErrorKind::length, "running_mean: expected 3 elements, got 0",
       [](State& s) { s.running_mean->clear(); }},
      {ErrorKind::length, "running_var: expected 3 elements, got none",
       [](State& s) { s.running_var.reset(); }},
      {ErrorKind::counter, "num_batches_tracked: expected 0 or more, got -1",
       [](State& s) { s.num_batches_tracked = -1; }},
  };
  BatchNorm1d layer({.num_features = 3});
  run(layer, input());
  const State before = layer.state();
  for (const BadState& row : bad) {
    State state = BatchNorm1d({.num_features = 3}).state();
    row.spoil(state);
    try {
      layer.load(state);
      ADD_FAILURE() << "accepted: " << row.message;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), row.kind);
      EXPECT_EQ(error.what(), row.message);
    }
    EXPECT_EQ(layer.state(), before);
  }
  BatchNorm1d plain({.num_features = 3, .weight = false, .bias = false});
  try {
    plain.load(before);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "weight: expected none, got 3 elements");
  }
}

}  // namespace
}  // namespace bn::test
