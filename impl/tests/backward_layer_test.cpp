// Backward of the layer: the function that it calls, and its error without a forward call.
#include "backward_support.hpp"

namespace bn::test {
namespace {

const Shape shape{4, 3, 5};

struct Fixture {
  std::vector<float> x = normal_values(numel(shape), 2.0F, 3.0F, 1);
  std::vector<float> dy = normal_values(numel(shape), 1.0F, 1.0F, 2);

  void forward(BatchNorm& layer) const {
    std::vector<float> y(x.size());
    layer.forward(TensorView<const float>::contiguous(x.data(), shape),
                  TensorView<float>::contiguous(y.data(), shape));
  }
  // Input of rank 2 with one value per channel, which is an error in training.
  static void failing_forward(BatchNorm& layer) {
    std::vector<float> one(3), y(3);
    EXPECT_THROW(layer.forward(TensorView<const float>::contiguous(one.data(), Shape{1, 3, 1, 1}),
                               TensorView<float>::contiguous(y.data(), Shape{1, 3, 1, 1})),
                 Error);
  }
  [[nodiscard]] Graded backward(const BatchNorm& layer) const {
    Graded result(x.size(), 3);
    layer.backward(TensorView<const float>::contiguous(x.data(), shape),
                   TensorView<const float>::contiguous(dy.data(), shape),
                   {TensorView<float>::contiguous(result.dx.data(), shape), result.dweight, result.dbias});
    return result;
  }
  void expect_no_forward(const BatchNorm& layer, const std::string& message) const {
    Graded result(x.size(), 3);
    const auto before = result.all_bits();
    try {
      layer.backward(TensorView<const float>::contiguous(x.data(), shape),
                     TensorView<const float>::contiguous(dy.data(), shape),
                     {TensorView<float>::contiguous(result.dx.data(), shape), result.dweight, result.dbias});
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::no_forward);
      EXPECT_EQ(error.what(), message);
    }
    EXPECT_EQ(result.all_bits(), before);
  }
};

const std::string no_training =
    "backward in training mode: expected a forward in that mode to be the latest one, got ";
const std::string no_inference =
    "backward in inference mode: expected a forward in that mode to be the latest one, got ";
const std::string none = "none since the layer was made or loaded";

TEST(BackwardLayer, IsTheFunctionOfItsMode) {
  const Fixture fixture;
  BatchNorm1d layer({.num_features = 3, .eps = 1e-3});
  std::ranges::copy(std::vector{1.0F, 2.0F, -3.0F}, layer.weight().begin());
  fixture.forward(layer);
  const State before = layer.state();
  Options options = options_for(shape);
  options.eps = 1e-3;
  EXPECT_EQ(fixture.backward(layer).all_bits(),
            backward(options, {layer.weight(), std::nullopt}, fixture.x, fixture.dy, shape).all_bits());
  EXPECT_EQ(layer.state(), before);
  layer.eval();
  fixture.forward(layer);
  EXPECT_EQ(fixture.backward(layer).all_bits(),
            backward(options, {layer.weight(), std::nullopt}, fixture.x, fixture.dy, shape,
                     Running{*before.running_mean, *before.running_var})
                .all_bits());
  EXPECT_EQ(layer.state(), before);
}

TEST(BackwardLayer, WithoutTrackingUsesTheBatchInBothModes) {
  const Fixture fixture;
  BatchNorm1d layer({.num_features = 3, .weight = false, .bias = false, .track_running_stats = false});
  const auto expected = backward(options_for(shape), {}, fixture.x, fixture.dy, shape).all_bits();
  for (const bool training : {true, false}) {
    layer.train(training);
    fixture.forward(layer);
    EXPECT_EQ(fixture.backward(layer).all_bits(), expected);
    layer.train(!training);
    fixture.expect_no_forward(
        layer, training ? no_inference + "one in training mode" : no_training + "one in inference mode");
  }
}

TEST(BackwardLayer, NeedsAForward) {
  const Fixture fixture;
  BatchNorm1d layer({.num_features = 3});
  fixture.expect_no_forward(layer, no_training + none);
  layer.eval();
  fixture.expect_no_forward(layer, no_inference + none);
  Fixture::failing_forward(layer);
  fixture.expect_no_forward(layer, no_inference + none);
}

TEST(BackwardLayer, NeedsTheLatestForwardInItsMode) {
  const Fixture fixture;
  BatchNorm1d layer({.num_features = 3});
  fixture.forward(layer);
  layer.eval();
  fixture.expect_no_forward(layer, no_inference + "one in training mode");
  layer.train();
  EXPECT_NO_THROW(static_cast<void>(fixture.backward(layer))) << "the mode counts, not that it was left";
  EXPECT_NO_THROW(static_cast<void>(fixture.backward(layer))) << "again";
  layer.eval();
  fixture.forward(layer);
  layer.train();
  fixture.expect_no_forward(layer, no_training + "one in inference mode");
}

TEST(BackwardLayer, AFailedForwardChangesNothing) {
  const Fixture fixture;
  BatchNorm1d layer({.num_features = 3});
  fixture.forward(layer);
  layer.eval();
  Fixture::failing_forward(layer);
  fixture.expect_no_forward(layer, no_inference + "one in training mode");
  layer.train();
  Fixture::failing_forward(layer);
  EXPECT_NO_THROW(static_cast<void>(fixture.backward(layer)));
}

TEST(BackwardLayer, LoadForgetsTheForward) {
  const Fixture fixture;
  BatchNorm1d layer({.num_features = 3});
  fixture.forward(layer);
  State bad = layer.state();
  bad.num_batches_tracked = -1;
  EXPECT_THROW(layer.load(bad), Error);
  EXPECT_NO_THROW(static_cast<void>(fixture.backward(layer))) << "a failed load changes nothing";
  layer.load(layer.state());
  fixture.expect_no_forward(layer, no_training + none);
}

TEST(BackwardLayer, MomentumWeightsAndCopiesKeepTheForward) {
  const Fixture fixture;
  BatchNorm1d layer({.num_features = 3});
  fixture.forward(layer);
  layer.set_momentum(std::nullopt);
  layer.weight()[1] = 5.0F;
  const Graded result = fixture.backward(layer);
  EXPECT_EQ(fixture.backward(layer.clone()).all_bits(), result.all_bits());
  const BatchNorm1d fresh({.num_features = 3});
  layer = fresh;
  fixture.expect_no_forward(layer, no_training + none);
}

TEST(BackwardLayer, AnEmptyForwardIsOne) {
  BatchNorm1d layer({.num_features = 3});
  const Shape empty{0, 3};
  layer.forward(TensorView<const float>::contiguous(nullptr, empty),
                TensorView<float>::contiguous(nullptr, empty));
  Graded result(0, 3);
  layer.backward(TensorView<const float>::contiguous(nullptr, empty),
                 TensorView<const float>::contiguous(nullptr, empty),
                 {std::nullopt, result.dweight, result.dbias});
  EXPECT_EQ(result.all_bits(), std::vector<std::uint32_t>(6, 0U));
}

TEST(BackwardLayer, ItsOwnWeightIsNoPlaceForDweight) {
  const Fixture fixture;
  BatchNorm1d layer({.num_features = 3});
  fixture.forward(layer);
  const State before = layer.state();
  EXPECT_THROW(layer.backward(TensorView<const float>::contiguous(fixture.x.data(), shape),
                              TensorView<const float>::contiguous(fixture.dy.data(), shape),
                              {std::nullopt, layer.weight(), {}}),
               Error);
  EXPECT_EQ(layer.state(), before);
}

}  // namespace
}  // namespace bn::test
