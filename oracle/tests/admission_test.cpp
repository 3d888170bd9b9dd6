/// The rows of the contract that end in an error, and similar calls that must succeed.

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "support.hpp"

namespace bncheck::test {
namespace {

using Kinds = std::vector<ErrorKind>;

struct Layer {
  Config config;
  State state;
  Dialect dialect;

  explicit Layer(std::int64_t channels = 3, int dimensions = 2) {
    config.num_features = channels;
    config.dimensions = dimensions;
    state = fresh_state(config);
  }
  Kinds errors(const Call& call) const { return errors_of(config, state, call, dialect); }
  Kinds training(const Shape& shape) const { return errors(forward(true, Tensor::filled(shape, 1))); }
  Kinds inference(const Shape& shape) const { return errors(forward(false, Tensor::filled(shape, 1))); }
  Kinds overlapping(const Shape& shape, Overlap overlap, bool training = true,
                    Placement placement = {}) const {
    Call call = forward(training, Tensor::filled(shape, 1));
    call.exec.overlap = overlap;
    call.exec.x = std::move(placement);
    return errors(call);
  }
};

const Shape usual{2, 3, 4, 5};

TEST(Errors, NoneForAnOrdinaryCall) {
  EXPECT_EQ(Layer().training(usual), Kinds{});
  EXPECT_EQ(Layer().inference(usual), Kinds{});
  EXPECT_EQ(Layer().inference({1, 3, 1, 1}), Kinds{});
}

TEST(Errors, Rank) {
  const std::vector<Shape> shapes{
      {}, {3}, {2, 3}, {2, 3, 2}, {2, 3, 2, 2}, {2, 3, 2, 2, 2}, {2, 3, 2, 2, 2, 2}};
  for (int dimensions = 1; dimensions <= 3; ++dimensions) {
    for (std::size_t rank = 0; rank < shapes.size(); ++rank) {
      const bool taken =
          dimensions == 1 ? rank == 2 || rank == 3 : rank == static_cast<std::size_t>(dimensions) + 2;
      const Kinds want = taken ? Kinds{} : Kinds{ErrorKind::rank};
      EXPECT_EQ(Layer(3, dimensions).training(shapes[rank]), want) << dimensions << "d, rank " << rank;
      EXPECT_EQ(Layer(3, dimensions).inference(shapes[rank]), want) << dimensions << "d, rank " << rank;
    }
  }
}

TEST(Errors, Channels) {
  EXPECT_EQ(Layer().training({2, 5, 4, 4}), Kinds{ErrorKind::channels});
  EXPECT_EQ(Layer().inference({0, 5, 4, 4}), Kinds{ErrorKind::channels});
  EXPECT_EQ(Layer().inference({2, 0, 4, 4}), Kinds{ErrorKind::channels});
  EXPECT_EQ(Layer(0).inference({2, 0, 4, 4}), Kinds{ErrorKind::channels});
  EXPECT_EQ(Layer().training({2, 5}), (Kinds{ErrorKind::rank, ErrorKind::channels}));
}

TEST(Errors, LengthOfEachBuffer) {
  using Member = std::optional<Tensor> State::*;
  for (const Member member : {&State::weight, &State::bias, &State::running_mean, &State::running_var}) {
    const auto with = [&](std::optional<Tensor> tensor) {
      Layer layer;
      layer.state.*member = std::move(tensor);
      return layer.training(usual);
    };
    EXPECT_EQ(with(Tensor::filled({3}, 1)), Kinds{});
    EXPECT_EQ(with(Tensor::filled({2}, 1)), Kinds{ErrorKind::length});
    EXPECT_EQ(with(Tensor::filled({4}, 1)), Kinds{ErrorKind::length});
    EXPECT_EQ(with(Tensor::filled({3, 1}, 1)), Kinds{ErrorKind::length});
    EXPECT_EQ(with(std::nullopt), Kinds{ErrorKind::length});
    EXPECT_EQ(with(Tensor{Dtype::f32, {3}, std::vector<std::byte>(8)}), Kinds{ErrorKind::length});
  }
  Layer plain;
  plain.config.weight = plain.config.bias = plain.config.track_running_stats = false;
  EXPECT_EQ(plain.training(usual), Kinds{ErrorKind::length});
  plain.state = fresh_state(plain.config);
  EXPECT_EQ(plain.training(usual), Kinds{});
}

TEST(Errors, OfAVectorAreNamed) {
  Layer layer;
  const auto misfit = [&](const Call& call) {
    return vector_misfit(layer.config, layer.state, call, layer.dialect);
  };
  const Call call = forward(true, Tensor::filled(usual, 1));
  EXPECT_EQ(misfit(call), "");
  layer.state.running_var = Tensor::filled({2}, 1);
  EXPECT_EQ(misfit(call), "running_var has shape [2], expected [3]");
  layer.state.bias = Tensor{Dtype::f32, {3}, std::vector<std::byte>(8)};
  EXPECT_EQ(misfit(call), "bias has shape [3] and 8 bytes, expected [3]");
  layer.state.weight = std::nullopt;
  EXPECT_EQ(misfit(call), "weight is missing, expected [3]");
  layer.config.weight = false;
  layer.state.weight = Tensor::filled({3}, 1);
  EXPECT_EQ(misfit(call), "weight has shape [3], expected none");
  State other = Layer().state;
  other.running_mean = Tensor::filled({4}, 0);
  layer = Layer();
  EXPECT_EQ(misfit({Load{other}, {}}), "running_mean has shape [4], expected [3]");
}

/// A weight without a bias, and the reverse: what is there has its length, what is not is absent.
TEST(Errors, WeightAndBiasAreAskedForApart) {
  for (const bool weight : {true, false}) {
    Layer layer;
    layer.config.weight = weight;
    layer.config.bias = !weight;
    layer.state = fresh_state(layer.config);
    EXPECT_EQ(layer.state.weight.has_value(), weight);
    EXPECT_EQ(layer.state.bias.has_value(), !weight);
    EXPECT_EQ(layer.training(usual), Kinds{});
    EXPECT_EQ(layer.inference(usual), Kinds{});
    EXPECT_EQ(layer.overlapping(usual, Overlap::y_and_weight), weight ? Kinds{ErrorKind::alias} : Kinds{});
    EXPECT_EQ(layer.errors({Load{Layer().state}, {}}), Kinds{ErrorKind::length});
    for (const auto member : {&State::weight, &State::bias}) {
      Layer other = layer;
      (other.state.*member).reset();
      EXPECT_EQ(other.training(usual), (layer.state.*member) ? Kinds{ErrorKind::length} : Kinds{});
      other.state.*member = Tensor::filled({3}, 1);
      EXPECT_EQ(other.training(usual), (layer.state.*member) ? Kinds{} : Kinds{ErrorKind::length});
    }
  }
}

TEST(Errors, Eps) {
  const auto with = [](double eps, bool training) {
    Layer layer;
    layer.config.eps = eps;
    return training ? layer.training(usual) : layer.inference(usual);
  };
  for (const double good : {0x1p-126, 1e-5, 1.0, 0x1p127}) {
    EXPECT_EQ(with(good, true), Kinds{});
    EXPECT_EQ(with(good, false), Kinds{});
  }
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {-1e-5, -infinity, infinity, std::nan(""), 0x1p-127, 0x1p-1074,
                           0x1.0000000000001p127, 0x1.fffffffffffffp-127}) {
    EXPECT_EQ(with(bad, true), Kinds{ErrorKind::eps}) << bad;
    EXPECT_EQ(with(bad, false), Kinds{ErrorKind::eps}) << bad;
  }
  EXPECT_EQ(with(0, true), Kinds{ErrorKind::eps});
  EXPECT_EQ(with(0, false), Kinds{});
  EXPECT_EQ(with(-0.0, false), Kinds{});
  Layer untracked;
  untracked.config.track_running_stats = false;
  untracked.config.eps = 0;
  untracked.state = fresh_state(untracked.config);
  EXPECT_EQ(untracked.inference(usual), Kinds{ErrorKind::eps});
}

TEST(Errors, Momentum) {
  const auto with = [](std::optional<double> momentum) {
    Layer layer;
    layer.config.momentum = momentum;
    return layer.training(usual);
  };
  for (const double good : {0.0, 1.0, -3.5, 1e300, 0x1p-1074}) EXPECT_EQ(with(good), Kinds{});
  EXPECT_EQ(with(std::nullopt), Kinds{});
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {infinity, -infinity, std::nan("")}) {
    EXPECT_EQ(with(bad), Kinds{ErrorKind::momentum});
    EXPECT_EQ(Layer().errors({SetMomentum{bad}, {}}), Kinds{ErrorKind::momentum});
  }
  EXPECT_EQ(Layer().errors({SetMomentum{-3.5}, {}}), Kinds{});
  EXPECT_EQ(Layer().errors({SetMomentum{std::nullopt}, {}}), Kinds{});
}

/// With float scalars, a momentum that is too large for a float becomes infinite.
TEST(Errors, MomentumAsAFloat) {
  Layer layer;
  layer.dialect.momentum_as = Scalar::f32;
  for (const double good : {0x1.fffffep127, -0x1.fffffep127, 0x1.fffffeffffffp127, 0x1p-1074}) {
    layer.config.momentum = good;
    EXPECT_EQ(layer.training(usual), Kinds{}) << good;
    EXPECT_EQ(layer.errors({SetMomentum{good}, {}}), Kinds{}) << good;
  }
  for (const double bad : {1e300, -1e300, 0x1.ffffffp127}) {
    layer.config.momentum = bad;
    EXPECT_EQ(layer.training(usual), Kinds{ErrorKind::momentum}) << bad;
    EXPECT_EQ(Layer(layer).errors({SetMomentum{bad}, {}}), Kinds{ErrorKind::momentum}) << bad;
  }
}

TEST(Errors, OneValuePerChannel) {
  EXPECT_EQ(Layer().training({1, 3, 1, 1}), Kinds{ErrorKind::one_value});
  EXPECT_EQ(Layer().training({2, 3, 1, 1}), Kinds{});
  EXPECT_EQ(Layer().training({1, 3, 1, 2}), Kinds{});
  EXPECT_EQ(Layer(3, 1).training({1, 3}), Kinds{ErrorKind::one_value});
  Layer untracked;
  untracked.config.track_running_stats = false;
  untracked.state = fresh_state(untracked.config);
  EXPECT_EQ(untracked.inference({1, 3, 1, 1}), Kinds{ErrorKind::one_value});
  Layer lenient;
  lenient.dialect.single_value = SingleValue::zero;
  EXPECT_EQ(lenient.training({1, 3, 1, 1}), Kinds{});
}

/// Of several errors a subject may name any: all of them are allowed.
TEST(Errors, EveryFaultOfACallIsNamed) {
  Layer layer;
  layer.config.eps = -1;
  layer.config.momentum = std::nan("");
  layer.state.num_batches_tracked = -1;
  layer.state.bias.reset();
  EXPECT_EQ(layer.training({1, 3, 1, 1}), (Kinds{ErrorKind::length, ErrorKind::eps, ErrorKind::momentum,
                                                 ErrorKind::one_value, ErrorKind::counter}));
  EXPECT_EQ(Layer().training({1, 5, 1, 1}), (Kinds{ErrorKind::channels, ErrorKind::one_value}));
  Layer other;
  other.config.eps = 0;
  EXPECT_EQ(other.overlapping(usual, Overlap::shifted), (Kinds{ErrorKind::eps, ErrorKind::alias}));
}

TEST(Errors, EmptyInputIsNoError) {
  EXPECT_EQ(Layer().training({0, 3, 4, 4}), Kinds{});
  EXPECT_EQ(Layer().training({2, 3, 0, 4}), Kinds{});
  EXPECT_EQ(Layer().training({1, 3, 1, 0}), Kinds{});
  Layer strict;
  strict.dialect.empty_batch = EmptyBatch::error;
  EXPECT_EQ(strict.training({0, 3, 4, 4}), Kinds{ErrorKind::other});
}

TEST(Errors, Aliases) {
  const Kinds alias{ErrorKind::alias};
  const Layer layer;
  EXPECT_EQ(layer.overlapping(usual, Overlap::in_place), Kinds{});
  EXPECT_EQ(layer.overlapping(usual, Overlap::shifted), alias);
  EXPECT_EQ(layer.overlapping(usual, Overlap::y_itself), alias);
  EXPECT_EQ(layer.overlapping(usual, Overlap::y_and_weight), alias);
  EXPECT_EQ(layer.overlapping(usual, Overlap::y_and_running_mean), alias);
  EXPECT_EQ(layer.overlapping(usual, Overlap::y_and_running_var, false), alias);
  EXPECT_EQ(layer.overlapping(usual, Overlap::running_mean_and_var), alias);
  EXPECT_EQ(layer.overlapping(usual, Overlap::running_mean_and_var, false), Kinds{});
  EXPECT_EQ(layer.overlapping({0, 3, 4, 5}, Overlap::shifted), Kinds{});
  EXPECT_EQ(layer.overlapping({0, 3, 4, 5}, Overlap::running_mean_and_var), alias);
  EXPECT_EQ(Layer(1).overlapping({1, 1, 1, 1}, Overlap::y_itself, false), Kinds{});
  EXPECT_EQ(Layer(1).overlapping({1, 1, 1, 1}, Overlap::shifted, false), Kinds{});
  // Elements that are two apart are not hit by a shift of one.
  Placement gap;
  gap.gaps = {0, 0, 0, 1};
  EXPECT_EQ(Layer(1).overlapping({1, 1, 4, 1}, Overlap::shifted, true, gap), Kinds{});
  EXPECT_EQ(Layer(1).overlapping({1, 1, 4, 2}, Overlap::shifted, true, gap), alias);
  Layer plain;
  plain.config.weight = plain.config.bias = plain.config.track_running_stats = false;
  plain.state = fresh_state(plain.config);
  EXPECT_EQ(plain.overlapping(usual, Overlap::y_and_weight), Kinds{});
  EXPECT_EQ(plain.overlapping(usual, Overlap::y_and_running_mean), Kinds{});
  EXPECT_EQ(plain.overlapping(usual, Overlap::running_mean_and_var), Kinds{});
}

TEST(Errors, LoadedState) {
  const Layer layer;
  State good = layer.state;
  good.num_batches_tracked = 7;
  EXPECT_EQ(layer.errors({Load{good}, {}}), Kinds{});
  State negative = good;
  negative.num_batches_tracked = -1;
  EXPECT_EQ(layer.errors({Load{negative}, {}}), Kinds{ErrorKind::counter});
  State shorter = good;
  shorter.running_var = Tensor::filled({2}, 1);
  EXPECT_EQ(layer.errors({Load{shorter}, {}}), Kinds{ErrorKind::length});
  State without;
  EXPECT_EQ(layer.errors({Load{without}, {}}), Kinds{ErrorKind::length});
}

/// Per activation a layer has a statistic for each channel and position of the inputs that it takes: what it loads is as
/// long as what it has.
TEST(Errors, AStatePerActivationIsReplacedByOneOfItsLength) {
  const auto state_of = [](std::int64_t length) {
    Config config;
    config.num_features = length;
    return fresh_state(config);
  };
  Layer layer(3, 1);
  layer.dialect = dialect_from_text("axes=per_activation");
  layer.state = state_of(12);
  EXPECT_EQ(layer.training({2, 3, 4}), Kinds{});
  EXPECT_EQ(layer.errors({Load{state_of(12)}, {}}), Kinds{});
  EXPECT_EQ(layer.errors({Load{state_of(3)}, {}}), Kinds{ErrorKind::length});
  layer.state = state_of(3);
  EXPECT_EQ(layer.training({2, 3, 4}), Kinds{ErrorKind::length});
}

TEST(Expect, ACallThatFailsChangesNothing) {
  Layer layer;
  layer.state.num_batches_tracked = 5;
  const ExpectedCall expected =
      expect(layer.config, layer.state, forward(true, Tensor::filled({1, 3, 1, 1}, 1)), layer.dialect);
  EXPECT_TRUE(expected.must_fail());
  EXPECT_TRUE(expected.outputs.empty());
  EXPECT_EQ(expected.state, layer.state);
  EXPECT_EQ(expected.config, layer.config);
}

TEST(Expect, TheCounterAdvancesWithTrainingOnANonEmptyBatchOnly) {
  const auto after = [](bool training, const Shape& shape, bool track) {
    Layer layer;
    layer.config.track_running_stats = track;
    layer.state = fresh_state(layer.config);
    layer.state.num_batches_tracked = 5;
    return expect(layer.config, layer.state, forward(training, Tensor::filled(shape, 1)), layer.dialect)
        .state.num_batches_tracked;
  };
  EXPECT_EQ(after(true, usual, true), 6);
  EXPECT_EQ(after(false, usual, true), 5);
  EXPECT_EQ(after(true, {0, 3, 1, 1}, true), 5);
  EXPECT_EQ(after(true, usual, false), 5);
}

/// A counter with its largest value cannot be advanced.
TEST(Expect, AFullCounterIsAnErrorOfTraining) {
  Layer layer;
  layer.state.num_batches_tracked = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(layer.training(usual), Kinds{ErrorKind::counter});
  EXPECT_EQ(layer.inference(usual), Kinds{});
  layer.config.track_running_stats = false;
  layer.state.running_mean = layer.state.running_var = std::nullopt;
  EXPECT_EQ(layer.training(usual), Kinds{});
}

TEST(Expect, AnEmptyBatchGivesAnEmptyOutputAndNothingElse) {
  const Layer layer;
  const ExpectedCall expected =
      expect(layer.config, layer.state, forward(true, Tensor::filled({0, 3, 4, 4}, 1)), layer.dialect);
  ASSERT_EQ(expected.outputs.size(), 1u);
  EXPECT_EQ(expected.outputs.at(Output::y).shape(), (Shape{0, 3, 4, 4}));
  EXPECT_EQ(expected.outputs.at(Output::y).size(), 0);
  EXPECT_EQ(expected.state, layer.state);
}

/// Nothing is stored per channel of an empty x, so the number of channels costs nothing.
TEST(Expect, AnEmptyBatchOfAbsurdlyManyChannelsCostsNothing) {
  Layer layer;
  layer.config.weight = layer.config.bias = layer.config.track_running_stats = false;
  layer.state = State{};
  layer.config.num_features = std::int64_t{1} << 60;
  const Tensor x{Dtype::f32, {0, std::int64_t{1} << 60, 1, 1}, {}};
  EXPECT_EQ(expect(layer.config, layer.state, forward(true, x), layer.dialect).outputs.size(), 1u);
}

TEST(Expect, SetMomentumAndLoadChangeWhatTheyName) {
  const Layer layer;
  EXPECT_EQ(expect(layer.config, layer.state, {SetMomentum{0.5}, {}}, layer.dialect).config.momentum, 0.5);
  EXPECT_EQ(expect(layer.config, layer.state, {SetMomentum{}, {}}, layer.dialect).config.momentum,
            std::nullopt);
  State other = layer.state;
  other.weight = Tensor::filled({3}, 9);
  other.num_batches_tracked = 4;
  EXPECT_EQ(expect(layer.config, layer.state, {Load{other}, {}}, layer.dialect).state, other);
}

TEST(Expect, WhatTheOracleDoesNotAnswerIsRefused) {
  const Layer layer;
  // An x without the bytes that its shape requires has no answer.
  const Call broken = forward(true, Tensor{Dtype::f32, usual, std::vector<std::byte>(16)});
  EXPECT_THROW(expect(layer.config, layer.state, broken, layer.dialect), std::invalid_argument);
  const Call negative = forward(true, Tensor{Dtype::f32, {-2, 3, -4, 5}, {}});
  EXPECT_THROW(expect(layer.config, layer.state, negative, layer.dialect), std::invalid_argument);
}

}  // namespace
}  // namespace bncheck::test
