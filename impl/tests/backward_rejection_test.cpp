// Every row of the contract that rejects a backward call: the kind, the message, and that nothing is written.
#include <functional>

#include "backward_support.hpp"

namespace bn::test {
namespace {

// A valid call (2, 3, 2, 2) and all the memory it could change.
struct Call {
  Options options{.dimensions = Dimensions::d2, .num_features = 3};
  std::vector<float> memory = normal_values(100, 0.0F, 1.0F, 7);
  TensorView<const float> x = TensorView<const float>::contiguous(&memory[0], Shape{2, 3, 2, 2});
  TensorView<const float> dy = TensorView<const float>::contiguous(&memory[24], Shape{2, 3, 2, 2});
  Gradients gradients{TensorView<float>::contiguous(&memory[48], Shape{2, 3, 2, 2}), at(72, 3), at(75, 3)};
  Affine affine{at(78, 3), at(81, 3)};
  std::span<const float> running_mean = at(84, 3), running_var = at(87, 3);

  std::span<float> at(std::size_t first, std::size_t count) {
    return std::span(memory).subspan(first, count);
  }
  void reshape(const Shape& shape) {
    x = TensorView<const float>::contiguous(&memory[0], shape);
    dy = TensorView<const float>::contiguous(&memory[24], shape);
    gradients.dx = TensorView<float>::contiguous(&memory[48], shape);
  }
  void train() { backward_training(options, affine, x, dy, gradients); }
  void infer() { backward_inference(options, affine, x, dy, gradients, running_mean, running_var); }
};

enum class In { both, training, inference };

struct Rejection {
  const char* name;
  ErrorKind kind;
  std::string message;
  std::function<void(Call&)> spoil;
  In mode = In::both;  // the other function accepts the call
};

void PrintTo(const Rejection& rejection, std::ostream* out) {
  *out << rejection.name;
}

void expect_rejected(Call& call, const Rejection& rejection, const std::function<void()>& run) {
  const std::vector<std::uint32_t> before = bits(call.memory);
  try {
    run();
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), rejection.kind);
    EXPECT_EQ(error.what(), rejection.message);
  }
  EXPECT_EQ(bits(call.memory), before);
}

class BackwardRejectionTest : public ::testing::TestWithParam<Rejection> {};

TEST_P(BackwardRejectionTest, NamesGivenAndExpectedAndWritesNothing) {
  Call training;
  GetParam().spoil(training);
  if (GetParam().mode != In::inference) {
    expect_rejected(training, GetParam(), [&] { training.train(); });
  } else {
    EXPECT_NO_THROW(training.train());
  }
  Call inference;
  GetParam().spoil(inference);
  if (GetParam().mode != In::training) {
    expect_rejected(inference, GetParam(), [&] { inference.infer(); });
  } else {
    EXPECT_NO_THROW(inference.infer());
  }
}

TEST(BackwardRejection, TheCallBeforeItIsSpoiltIsValid) {
  Call call;
  EXPECT_NO_THROW(call.train());
  EXPECT_NO_THROW(call.infer());
}

const std::string eps_range = "eps: expected 0 or a value in [2^-126, 2^127], got ";

const std::vector<Rejection> options_and_shapes = {
    {"no_channels", ErrorKind::channels, "num_features: expected 1 or more, got 0",
     [](Call& c) { c.options.num_features = 0; }},
    {"eps_nan", ErrorKind::eps, eps_range + "nan", [](Call& c) { c.options.eps = std::nan(""); }},
    {"eps_negative", ErrorKind::eps, eps_range + "-1", [](Call& c) { c.options.eps = -1.0; }},
    {"eps_zero", ErrorKind::eps, "eps: expected a value above 0 where batch statistics are used, got 0",
     [](Call& c) { c.options.eps = 0.0; }, In::training},
    {"momentum_nan", ErrorKind::momentum, "momentum: expected a finite number or none, got nan",
     [](Call& c) { c.options.momentum = std::nan(""); }},
    {"x_rank", ErrorKind::rank, "BatchNorm2d expected 4D input, got 3D input of shape [2, 3, 4]",
     [](Call& c) { c.reshape({2, 3, 4}); }},
    {"dy_rank", ErrorKind::rank, "BatchNorm2d expected 4D dy, got 3D dy of shape [2, 3, 4]",
     [](Call& c) { c.dy = TensorView<const float>::contiguous(c.dy.data, Shape{2, 3, 4}); }},
    {"dy_rank_0", ErrorKind::rank, "BatchNorm2d expected 4D dy, got 0D dy of shape []",
     [](Call& c) { c.dy.rank = 0; }},
    {"dy_rank_not_of_a_view", ErrorKind::rank, "BatchNorm2d expected 4D dy, got 9D dy",
     [](Call& c) { c.dy.rank = 9; }},
    {"x_channels", ErrorKind::channels,
     "expected 3 channels but got 5 channels in input of shape [0, 5, 2, 2]",
     [](Call& c) { c.reshape({0, 5, 2, 2}); }},
    {"dy_channels", ErrorKind::channels, "expected 3 channels but got 2 channels in dy of shape [2, 2, 3, 2]",
     [](Call& c) { c.dy = TensorView<const float>::contiguous(c.dy.data, Shape{2, 2, 3, 2}); }},
    {"dy_shape", ErrorKind::length, "dy: expected shape [2, 3, 2, 2], got [2, 3, 4, 1]",
     [](Call& c) { c.dy = TensorView<const float>::contiguous(c.dy.data, Shape{2, 3, 4, 1}); }},
    {"dy_rank_2_for_3", ErrorKind::length, "dy: expected shape [4, 3, 2], got [4, 3]",
     [](Call& c) {
       c.options.dimensions = Dimensions::d1;
       c.reshape({4, 3, 2});
       c.dy = TensorView<const float>::contiguous(c.dy.data, Shape{4, 3});
     }},
    {"dx_shape", ErrorKind::length, "dx: expected shape [2, 3, 2, 2], got [1, 3, 2, 2]",
     [](Call& c) { c.gradients.dx->sizes[0] = 1; }},
    {"dx_rank", ErrorKind::length, "dx: expected shape [2, 3, 2, 2], got rank -1",
     [](Call& c) { c.gradients.dx->rank = -1; }},
    {"x_no_data", ErrorKind::length, "x: expected data for shape [2, 3, 2, 2], got a null pointer",
     [](Call& c) { c.x.data = nullptr; }},
    {"dy_no_data", ErrorKind::length, "dy: expected data for shape [2, 3, 2, 2], got a null pointer",
     [](Call& c) { c.dy.data = nullptr; }},
    {"dx_no_data", ErrorKind::length, "dx: expected data for shape [2, 3, 2, 2], got a null pointer",
     [](Call& c) { c.gradients.dx->data = nullptr; }},
    {"negative_size", ErrorKind::length, "dy: expected sizes of 0 or more, got [-2, 3, 2, 2]",
     [](Call& c) { c.dy.sizes[0] = -2; }},
    {"one_value", ErrorKind::one_value,
     "expected more than 1 value per channel when training, got input size [1, 3, 1, 1]",
     [](Call& c) { c.reshape({1, 3, 1, 1}); }, In::training},
};

const std::vector<Rejection> lengths = {
    {"weight", ErrorKind::length, "weight: expected 3 elements, got 2",
     [](Call& c) { c.affine.weight = c.at(78, 2); }},
    {"bias", ErrorKind::length, "bias: expected 3 elements, got 4",
     [](Call& c) { c.affine.bias = c.at(81, 4); }},
    {"running_mean", ErrorKind::length, "running_mean: expected 3 elements, got 1",
     [](Call& c) { c.running_mean = c.at(84, 1); }, In::inference},
    {"running_var", ErrorKind::length, "running_var: expected 3 elements, got 0",
     [](Call& c) { c.running_var = {}; }, In::inference},
    {"dweight", ErrorKind::length, "dweight: expected 3 elements, got 2",
     [](Call& c) { c.gradients.dweight = c.at(72, 2); }},
    {"dbias", ErrorKind::length, "dbias: expected 3 elements, got 4",
     [](Call& c) { c.gradients.dbias = c.at(90, 4); }},
    {"dbias_with_empty_input", ErrorKind::length, "dbias: expected 3 elements, got 1",
     [](Call& c) {
       c.reshape({0, 3, 2, 2});
       c.gradients.dbias = c.at(75, 1);
     }},
};

const std::string apart = " overlap in memory, expected them apart";

const std::vector<Rejection> aliases = {
    {"dx_one_beside_dy", ErrorKind::alias, "dy and dx" + apart + " or dx in the very place of dy",
     [](Call& c) { c.gradients.dx->data = &c.memory[25]; }},
    {"dx_other_strides", ErrorKind::alias, "dy and dx" + apart + " or dx in the very place of dy",
     [](Call& c) {
       c.gradients.dx->data = &c.memory[24];
       std::swap(c.gradients.dx->strides[2], c.gradients.dx->strides[3]);
     }},
    {"dx_over_x", ErrorKind::alias, "x and dx" + apart, [](Call& c) { c.gradients.dx->data = &c.memory[0]; }},
    {"dx_over_dy_that_is_x", ErrorKind::alias, "x and dx" + apart,
     [](Call& c) {
       c.dy = c.x;
       c.gradients.dx->data = &c.memory[0];
     }},
    {"dx_broadcast", ErrorKind::alias,
     "dx: expected strides that give every element its own address, got strides [0, 4, 2, 1] for shape [2, "
     "3, "
     "2, 2]",
     [](Call& c) { c.gradients.dx->strides[0] = 0; }},
    {"weight_in_dx", ErrorKind::alias, "weight and dx" + apart,
     [](Call& c) { c.affine.weight = c.at(60, 3); }},
    {"bias_in_dx", ErrorKind::alias, "bias and dx" + apart, [](Call& c) { c.affine.bias = c.at(69, 3); }},
    {"running_mean_in_dx", ErrorKind::alias, "running_mean and dx" + apart,
     [](Call& c) { c.running_mean = c.at(48, 3); }, In::inference},
    {"dweight_is_weight", ErrorKind::alias, "weight and dweight" + apart,
     [](Call& c) { c.gradients.dweight = c.at(78, 3); }},
    {"dbias_is_bias", ErrorKind::alias, "bias and dbias" + apart,
     [](Call& c) { c.gradients.dbias = c.at(81, 3); }},
    {"dbias_is_running_var", ErrorKind::alias, "running_var and dbias" + apart,
     [](Call& c) { c.gradients.dbias = c.at(87, 3); }, In::inference},
    {"dweight_is_dbias", ErrorKind::alias, "dweight and dbias" + apart,
     [](Call& c) { c.gradients.dweight = c.at(75, 3); }},
    {"dweight_in_x", ErrorKind::alias, "dweight and x" + apart,
     [](Call& c) { c.gradients.dweight = c.at(5, 3); }},
    {"dbias_in_dy", ErrorKind::alias, "dbias and dy" + apart,
     [](Call& c) { c.gradients.dbias = c.at(45, 3); }},
    {"dbias_in_dy_in_place", ErrorKind::alias, "dbias and dx" + apart,
     [](Call& c) {
       c.gradients.dx->data = &c.memory[24];
       c.gradients.dbias = c.at(45, 3);
     }},
    {"dbias_in_dy_without_dx", ErrorKind::alias, "dbias and dy" + apart,
     [](Call& c) {
       c.gradients.dx.reset();
       c.gradients.dbias = c.at(24, 3);
     }},
    {"dweight_in_dx", ErrorKind::alias, "dweight and dx" + apart,
     [](Call& c) { c.gradients.dweight = c.at(69, 3); }},
    {"with_empty_input", ErrorKind::alias, "weight and dbias" + apart,
     [](Call& c) {
       c.reshape({0, 3, 2, 2});
       c.gradients.dbias = c.at(76, 3);
     }},
};

std::string name_of(const ::testing::TestParamInfo<Rejection>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Shapes, BackwardRejectionTest, ::testing::ValuesIn(options_and_shapes), name_of);
INSTANTIATE_TEST_SUITE_P(Lengths, BackwardRejectionTest, ::testing::ValuesIn(lengths), name_of);
INSTANTIATE_TEST_SUITE_P(Aliases, BackwardRejectionTest, ::testing::ValuesIn(aliases), name_of);

TEST(BackwardRejection, EmptyInputGivesZeros) {
  for (const Shape& shape : {Shape{0, 3, 2, 2}, Shape{2, 3, 0, 2}, Shape{0, 3, 1, 1}}) {
    for (const bool training : {true, false}) {
      Call call;
      call.reshape(shape);
      std::vector<float> expected = call.memory;
      std::fill_n(expected.begin() + 72, 6, 0.0F);
      EXPECT_NO_THROW(training ? call.train() : call.infer());
      EXPECT_EQ(bits(call.memory), bits(expected));
    }
  }
}

TEST(BackwardRejection, WhatIsNotWantedHasNoShapeToBeWrong) {
  Call call;
  call.gradients = {};
  const std::vector<std::uint32_t> before = bits(call.memory);
  EXPECT_NO_THROW(call.train());
  EXPECT_NO_THROW(call.infer());
  EXPECT_EQ(bits(call.memory), before);
}

}  // namespace
}  // namespace bn::test
