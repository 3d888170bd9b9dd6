// Every row of the contract that rejects a call: the kind, the message with the given and the expected value,
// and that no bit has changed.
#include <functional>

#include "support.hpp"

namespace bn::test {
namespace {

// A valid training call (2, 3, 2, 2) and all the memory it could change.
struct Call {
  Options options{.dimensions = Dimensions::d2, .num_features = 3};
  std::vector<float> memory = normal_values(100, 0.0F, 1.0F, 7);
  std::int64_t counter = 4;
  TensorView<const float> x = TensorView<const float>::contiguous(&memory[0], Shape{2, 3, 2, 2});
  TensorView<float> y = TensorView<float>::contiguous(&memory[24], Shape{2, 3, 2, 2});
  Affine affine{at(50, 3), at(53, 3)};
  RunningStatistics running{at(56, 3), at(59, 3), &counter};
  BatchStatistics saved{at(62, 3), at(65, 3), at(68, 3)};

  std::span<float> at(std::size_t first, std::size_t count) {
    return std::span(memory).subspan(first, count);
  }
  void reshape(const Shape& shape) {
    x = TensorView<const float>::contiguous(&memory[0], shape);
    y = TensorView<float>::contiguous(&memory[24], shape);
  }
  void train() { forward_training(options, affine, x, y, &running, saved); }
  void infer() { forward_inference(options, affine, x, y, running.mean, running.var); }
};

struct Rejection {
  const char* name;
  ErrorKind kind;
  std::string message;
  std::function<void(Call&)> spoil;
  bool inference_too = true;  // false: forward_inference accepts the call
};

void PrintTo(const Rejection& rejection, std::ostream* out) {
  *out << rejection.name;
}

void expect_rejected(Call& call, const Rejection& rejection, const std::function<void()>& run) {
  const std::vector<std::uint32_t> before = bits(call.memory);
  const std::int64_t counter = call.counter;
  try {
    run();
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), rejection.kind);
    EXPECT_EQ(error.what(), rejection.message);
  }
  EXPECT_EQ(bits(call.memory), before);
  EXPECT_EQ(call.counter, counter);
}

class RejectionTest : public ::testing::TestWithParam<Rejection> {};

TEST_P(RejectionTest, NamesGivenAndExpectedAndChangesNothing) {
  Call training;
  GetParam().spoil(training);
  expect_rejected(training, GetParam(), [&] { training.train(); });
  Call inference;
  GetParam().spoil(inference);
  if (GetParam().inference_too) {
    expect_rejected(inference, GetParam(), [&] { inference.infer(); });
  } else {
    EXPECT_NO_THROW(inference.infer());
  }
}

TEST(Rejection, TheCallBeforeItIsSpoiltIsValid) {
  Call call;
  EXPECT_NO_THROW(call.train());
  EXPECT_NO_THROW(call.infer());
  EXPECT_EQ(call.counter, 5);
}

const std::string eps_range = "eps: expected 0 or a value in [2^-126, 2^127], got ";
const std::string apart = " overlap in memory, expected them apart";

const std::vector<Rejection> options_and_shapes = {
    {"no_channels", ErrorKind::channels, "num_features: expected 1 or more, got 0",
     [](Call& c) { c.options.num_features = 0; }},
    {"negative_channels", ErrorKind::channels, "num_features: expected 1 or more, got -3",
     [](Call& c) { c.options.num_features = -3; }},
    {"eps_nan", ErrorKind::eps, eps_range + "nan", [](Call& c) { c.options.eps = std::nan(""); }},
    {"eps_infinite", ErrorKind::eps, eps_range + "inf", [](Call& c) { c.options.eps = HUGE_VAL; }},
    {"eps_negative", ErrorKind::eps, eps_range + "-1", [](Call& c) { c.options.eps = -1.0; }},
    {"eps_small", ErrorKind::eps, eps_range + "4.9406564584124654e-324",
     [](Call& c) { c.options.eps = 0x1p-1074; }},
    {"eps_below", ErrorKind::eps, eps_range + "1.1754943508222874e-38",
     [](Call& c) { c.options.eps = std::nextafter(0x1p-126, 0.0); }},
    {"eps_above", ErrorKind::eps, eps_range + "1.7014118346046927e+38",
     [](Call& c) { c.options.eps = std::nextafter(0x1p127, HUGE_VAL); }},
    {"eps_zero", ErrorKind::eps, "eps: expected a value above 0 where batch statistics are used, got 0",
     [](Call& c) { c.options.eps = 0.0; }, false},
    {"momentum_nan", ErrorKind::momentum, "momentum: expected a finite number or none, got nan",
     [](Call& c) { c.options.momentum = std::nan(""); }},
    {"momentum_infinite", ErrorKind::momentum, "momentum: expected a finite number or none, got -inf",
     [](Call& c) { c.options.momentum = -HUGE_VAL; }},
    {"rank_3_for_2d", ErrorKind::rank, "BatchNorm2d expected 4D input, got 3D input of shape [2, 3, 4]",
     [](Call& c) { c.reshape({2, 3, 4}); }},
    {"rank_0", ErrorKind::rank, "BatchNorm2d expected 4D input, got 0D input of shape []",
     [](Call& c) { c.reshape({}); }},
    {"rank_1_for_1d", ErrorKind::rank, "BatchNorm1d expected 2D or 3D input, got 1D input of shape [3]",
     [](Call& c) {
       c.options.dimensions = Dimensions::d1;
       c.reshape({3});
     }},
    {"rank_4_for_3d", ErrorKind::rank, "BatchNorm3d expected 5D input, got 4D input of shape [2, 3, 2, 2]",
     [](Call& c) { c.options.dimensions = Dimensions::d3; }},
    {"rank_not_of_a_view", ErrorKind::rank, "BatchNorm2d expected 4D input, got 9D input",
     [](Call& c) { c.x.rank = 9; }},
    {"channels", ErrorKind::channels,
     "expected 3 channels but got 5 channels in input of shape [10, 5, 32, 32]",
     [](Call& c) { c.reshape({10, 5, 32, 32}); }},
    {"channels_of_empty", ErrorKind::channels,
     "expected 3 channels but got 5 channels in input of shape [0, 5, 2, 2]",
     [](Call& c) { c.reshape({0, 5, 2, 2}); }},
    {"negative_size", ErrorKind::length, "x: expected sizes of 0 or more, got [-2, 3, 2, 2]",
     [](Call& c) { c.x.sizes[0] = -2; }},
    {"no_data", ErrorKind::length, "x: expected data for shape [2, 3, 2, 2], got a null pointer",
     [](Call& c) { c.x.data = nullptr; }},
    {"y_shape", ErrorKind::length, "y: expected shape [2, 3, 2, 2], got [2, 3, 4, 1]",
     [](Call& c) { c.y = TensorView<float>::contiguous(c.y.data, Shape{2, 3, 4, 1}); }},
    {"y_rank", ErrorKind::length, "y: expected shape [2, 3, 2, 2], got [2, 3, 4]",
     [](Call& c) { c.y = TensorView<float>::contiguous(c.y.data, Shape{2, 3, 4}); }},
    {"one_value", ErrorKind::one_value,
     "expected more than 1 value per channel when training, got input size [1, 3, 1, 1]",
     [](Call& c) { c.reshape({1, 3, 1, 1}); }, false},
};

const std::vector<Rejection> lengths = {
    {"weight", ErrorKind::length, "weight: expected 3 elements, got 2",
     [](Call& c) { c.affine.weight = c.at(50, 2); }},
    {"bias", ErrorKind::length, "bias: expected 3 elements, got 4",
     [](Call& c) { c.affine.bias = c.at(53, 4); }},
    {"bias_empty", ErrorKind::length, "bias: expected 3 elements, got 0",
     [](Call& c) { c.affine.bias = std::span<const float>(); }},
    {"running_mean", ErrorKind::length, "running_mean: expected 3 elements, got 1",
     [](Call& c) { c.running.mean = c.at(56, 1); }},
    {"running_var", ErrorKind::length, "running_var: expected 3 elements, got 0",
     [](Call& c) { c.running.var = {}; }},
    {"weight_with_empty_input", ErrorKind::length, "weight: expected 3 elements, got 2",
     [](Call& c) {
       c.reshape({0, 3, 2, 2});
       c.affine.weight = c.at(50, 2);
     }},
    {"saved_mean", ErrorKind::length, "saved mean: expected 3 elements, got 2",
     [](Call& c) { c.saved.mean = c.at(62, 2); }, false},
    {"saved_var", ErrorKind::length, "saved var: expected 3 elements, got 2",
     [](Call& c) { c.saved.var = c.at(62, 2); }, false},
    {"saved_invstd", ErrorKind::length, "saved invstd: expected 3 elements, got 2",
     [](Call& c) { c.saved.invstd = c.at(62, 2); }, false},
    {"no_counter", ErrorKind::counter, "num_batches_tracked: expected a counter, got a null pointer",
     [](Call& c) { c.running.num_batches_tracked = nullptr; }, false},
    {"negative_counter", ErrorKind::counter, "num_batches_tracked: expected a value in [0, 2^63 - 2], got -1",
     [](Call& c) { c.counter = -1; }, false},
    {"full_counter", ErrorKind::counter,
     "num_batches_tracked: expected a value in [0, 2^63 - 2], got 9223372036854775807",
     [](Call& c) { c.counter = std::numeric_limits<std::int64_t>::max(); }, false},
};

const std::vector<Rejection> aliases = {
    {"y_one_beside_x", ErrorKind::alias, "x and y" + apart + " or y in the very place of x",
     [](Call& c) { c.y.data = &c.memory[1]; }},
    {"y_last_of_x", ErrorKind::alias, "x and y" + apart + " or y in the very place of x",
     [](Call& c) { c.y.data = &c.memory[23]; }},
    {"y_other_strides", ErrorKind::alias, "x and y" + apart + " or y in the very place of x",
     [](Call& c) {
       c.y.data = &c.memory[0];
       std::swap(c.y.strides[2], c.y.strides[3]);
     }},
    {"y_broadcast", ErrorKind::alias,
     "y: expected strides that give every element its own address, got strides [0, 4, 2, 1] for shape [2, 3, "
     "2, 2]",
     [](Call& c) { c.y.strides[0] = 0; }},
    {"y_overlaps_itself", ErrorKind::alias,
     "y: expected strides that give every element its own address, got strides [12, 3, 2, 1] for shape [2, "
     "3, 2, 2]",
     [](Call& c) { c.y.strides[1] = 3; }},
    {"weight_in_y", ErrorKind::alias, "weight and y" + apart, [](Call& c) { c.affine.weight = c.at(45, 3); }},
    {"bias_in_y", ErrorKind::alias, "bias and y" + apart, [](Call& c) { c.affine.bias = c.at(22, 3); }},
    {"running_mean_in_y", ErrorKind::alias, "running_mean and y" + apart,
     [](Call& c) { c.running.mean = c.at(47, 3); }},
    {"running_var_in_y", ErrorKind::alias, "running_var and y" + apart,
     [](Call& c) { c.running.var = c.at(24, 3); }},
    {"running_mean_is_weight", ErrorKind::alias, "weight and running_mean" + apart,
     [](Call& c) { c.running.mean = c.at(50, 3); }, false},
    {"running_mean_is_var", ErrorKind::alias, "running_mean and running_var" + apart,
     [](Call& c) { c.running.mean = c.at(59, 3); }, false},
    {"running_var_in_x", ErrorKind::alias, "running_var and x" + apart,
     [](Call& c) { c.running.var = c.at(0, 3); }, false},
    {"saved_mean_in_y", ErrorKind::alias, "saved mean and y" + apart,
     [](Call& c) { c.saved.mean = c.at(24, 3); }, false},
    {"saved_var_is_invstd", ErrorKind::alias, "saved var and saved invstd" + apart,
     [](Call& c) { c.saved.var = c.at(70, 3); }, false},
    {"saved_with_empty_input", ErrorKind::alias, "bias and saved mean" + apart,
     [](Call& c) {
       c.reshape({0, 3, 2, 2});
       c.saved.mean = c.at(53, 3);
     },
     false},
    {"saved_in_counter", ErrorKind::alias, "num_batches_tracked and saved mean" + apart,
     [](Call& c) {
       c.options.num_features = 1;
       c.reshape({2, 1, 2, 2});
       c.affine = {};
       c.running = {c.at(56, 1), c.at(59, 1), &c.counter};
       c.saved = {std::span(reinterpret_cast<float*>(&c.counter) + 1, 1), {}, {}};
     },
     false},
};

std::string name_of(const ::testing::TestParamInfo<Rejection>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Shapes, RejectionTest, ::testing::ValuesIn(options_and_shapes), name_of);
INSTANTIATE_TEST_SUITE_P(Lengths, RejectionTest, ::testing::ValuesIn(lengths), name_of);
INSTANTIATE_TEST_SUITE_P(Aliases, RejectionTest, ::testing::ValuesIn(aliases), name_of);

TEST(Rejection, EdgesOfEpsAreAccepted) {
  for (const double eps : {0x1p-126, 0x1p127}) {
    Call call;
    call.options.eps = eps;
    EXPECT_NO_THROW(call.train());
  }
}

TEST(Rejection, EmptyInputChangesNothing) {
  for (const Shape& shape : {Shape{0, 3, 2, 2}, Shape{2, 3, 0, 2}, Shape{0, 3, 1, 1}}) {
    Call call;
    call.reshape(shape);
    const std::vector<std::uint32_t> before = bits(call.memory);
    EXPECT_NO_THROW(call.train());
    EXPECT_NO_THROW(call.infer());
    EXPECT_EQ(bits(call.memory), before);
    EXPECT_EQ(call.counter, 4);
  }
}

TEST(Rejection, SharedReadOnlyBuffersAreAccepted) {
  Call call;
  call.affine.bias = call.affine.weight;
  EXPECT_NO_THROW(call.train());
}

void expect_view_error(ErrorKind kind, const std::string& message, const std::function<void()>& make) {
  try {
    make();
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    EXPECT_EQ(error.what(), message);
  }
}

TEST(TensorView, RejectsWhatNoViewHolds) {
  using View = TensorView<float>;
  expect_view_error(ErrorKind::rank, "expected a view of at most 8 dimensions, got 9",
                    [] { View::contiguous(nullptr, Shape(9, 1)); });
  expect_view_error(ErrorKind::length, "expected sizes of 0 or more, got [2, -1]",
                    [] { View::contiguous(nullptr, Shape{2, -1}); });
  expect_view_error(ErrorKind::length,
                    "expected a number of elements below 2^63, got sizes [4294967296, 2147483648]",
                    [] { View::contiguous(nullptr, Shape{std::int64_t{1} << 32, std::int64_t{1} << 31}); });
  expect_view_error(ErrorKind::rank, "expected 2 strides, got 1",
                    [] { View::strided(nullptr, Shape{2, 2}, Shape{1}); });
  EXPECT_NO_THROW(View::contiguous(nullptr, Shape{0, std::int64_t{1} << 62, 8}));
  EXPECT_EQ(View::contiguous(nullptr, Shape{2, 3, 4}).strides[0], 12);
  EXPECT_EQ(View::contiguous(nullptr, Shape{}).numel(), 1);
}

}  // namespace
}  // namespace bn::test
