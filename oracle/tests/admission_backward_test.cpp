/// Backward calls that must fail, and their errors; the forward call that a backward call belongs to; what it
/// returns.

#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include "bncheck/walk.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using Kinds = std::vector<ErrorKind>;

const Shape usual{2, 3, 4, 5};
const Kinds none{};
const Kinds no_forward{ErrorKind::no_forward};
const Kinds alias{ErrorKind::alias};

Call backward(Tensor dy, std::optional<bool> training = {}) {
  return {Backward{std::move(dy), true, true, true, training}, {}};
}

/// A layer that is called, with the state between its calls.
struct Session {
  Config config;
  State state;
  Dialect dialect;
  std::optional<Forward> latest{};

  explicit Session(std::int64_t channels = 3, int dimensions = 2) {
    config.num_features = channels;
    config.dimensions = dimensions;
    state = fresh_state(config);
  }
  /// The outputs of the answer are not written back to the state: no test here looks at statistics.
  ExpectedCall call(const Call& call) {
    ExpectedCall expected = expect(config, state, call, dialect, latest_forward());
    state = expected.state;
    config = expected.config;
    if (const Forward* now = latest_after(call, !expected.must_fail(), latest_forward()); now == nullptr) {
      latest.reset();
    } else if (now != latest_forward()) {
      latest = *now;
    }
    return expected;
  }
  Session& after(const Call& previous, bool succeeds = true) {
    EXPECT_EQ(call(previous).must_fail(), !succeeds);
    return *this;
  }
  Kinds errors(const Call& call) const { return errors_of(config, state, call, dialect, latest_forward()); }
  const Forward* latest_forward() const { return latest ? &*latest : nullptr; }
  Kinds gradient(const Shape& shape, std::optional<bool> training = {}) const {
    return errors(backward(Tensor::filled(shape, 1), training));
  }
  Kinds overlapping(const Shape& shape, Overlap overlap, Placement placement = {}) const {
    Call call = backward(Tensor::filled(shape, 1));
    call.exec.overlap = overlap;
    call.exec.x = std::move(placement);
    return errors(call);
  }
};

Call ones(bool training, const Shape& shape = usual) {
  return forward(training, Tensor::filled(shape, 1));
}

TEST(BackwardErrors, NoneAfterAForwardCall) {
  for (const bool training : {true, false}) {
    EXPECT_EQ(Session().after(ones(training)).gradient(usual), none);
    EXPECT_EQ(Session().after(ones(training)).gradient(usual, training), none);
  }
}

TEST(BackwardErrors, WithoutAForwardCall) {
  EXPECT_EQ(Session().gradient(usual), no_forward);
  EXPECT_EQ(Session().gradient(usual, true), no_forward);
  EXPECT_EQ(Session().after(ones(true, {1, 3, 1, 1}), false).gradient(usual), no_forward);
  EXPECT_EQ(Session().after({SetMomentum{0.5}, {}}).gradient(usual), no_forward);
}

TEST(BackwardErrors, InTheOtherMode) {
  EXPECT_EQ(Session().after(ones(true)).gradient(usual, false), no_forward);
  EXPECT_EQ(Session().after(ones(false)).gradient(usual, true), no_forward);
  EXPECT_EQ(Session().after(ones(true)).after(ones(false)).gradient(usual, true), no_forward);
  EXPECT_EQ(Session().after(ones(false)).after(ones(true)).gradient(usual, true), none);
}

TEST(BackwardErrors, ALoadForgetsTheForwardCallAndNothingElseDoes) {
  Session loaded;
  loaded.after(ones(true));
  loaded.after({Load{loaded.state}, {}});
  EXPECT_EQ(loaded.gradient(usual), no_forward);
  EXPECT_EQ(loaded.after(ones(true)).gradient(usual), none);
  // A Load that fails changes nothing.
  EXPECT_EQ(Session().after(ones(true)).after({Load{State{}}, {}}, false).gradient(usual), none);
  EXPECT_EQ(Session().after(ones(true)).after({SetMomentum{std::nullopt}, {}}).gradient(usual), none);
  EXPECT_EQ(Session().after(ones(true)).after(ones(true, {1, 3, 1, 1}), false).gradient(usual), none);
  const Call gradient = backward(Tensor::filled(usual, 1));
  EXPECT_EQ(Session().after(ones(true)).after(gradient).gradient(usual), none);
  const Call wrong = backward(Tensor::filled({2, 3, 4, 4}, 1));
  EXPECT_EQ(Session().after(ones(true)).after(wrong, false).gradient(usual), none);
}

TEST(BackwardErrors, ShapeOfDy) {
  Session session;
  session.after(ones(true));
  EXPECT_EQ(session.gradient({2, 3, 4, 4}), Kinds{ErrorKind::length});
  EXPECT_EQ(session.gradient({2, 3, 5, 4}), Kinds{ErrorKind::length});
  EXPECT_EQ(session.gradient({3, 3, 4, 5}), Kinds{ErrorKind::length});
  EXPECT_EQ(session.gradient({0, 3, 4, 5}), Kinds{ErrorKind::length});
  EXPECT_EQ(session.gradient({2, 5, 4, 5}), (Kinds{ErrorKind::channels, ErrorKind::length}));
  EXPECT_EQ(session.gradient({2, 3, 20}), (Kinds{ErrorKind::rank, ErrorKind::length}));
  EXPECT_EQ(session.gradient({120}), (Kinds{ErrorKind::rank, ErrorKind::length}));
  EXPECT_EQ(session.gradient({2, 5, 20}), (Kinds{ErrorKind::rank, ErrorKind::channels, ErrorKind::length}));
}

/// Errors that the forward call would have if it were made at this point.
TEST(BackwardErrors, OfTheLayer) {
  Session session;
  session.after(ones(false));
  Session other = session;
  other.state.weight = Tensor::filled({2}, 1);
  EXPECT_EQ(other.gradient(usual), Kinds{ErrorKind::length});
  other = session;
  other.state.num_batches_tracked = -1;
  EXPECT_EQ(other.gradient(usual), Kinds{ErrorKind::counter});
  other = session;
  other.config.eps = -1;
  EXPECT_EQ(other.gradient(usual), Kinds{ErrorKind::eps});
  other.config.eps = 0;
  EXPECT_EQ(other.gradient(usual), none);
  other = Session().after(ones(true));
  other.config.eps = 0;
  EXPECT_EQ(other.gradient(usual), Kinds{ErrorKind::eps});
  // The counter does not advance.
  other = Session().after(ones(true));
  other.state.num_batches_tracked = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(other.gradient(usual), none);
}

TEST(BackwardErrors, OneValuePerChannel) {
  // A training call with one value fails before that, unless the dialect allows it.
  Session lenient;
  lenient.dialect.single_value = SingleValue::zero;
  EXPECT_EQ(lenient.after(ones(true, {1, 3, 1, 1})).gradient({1, 3, 1, 1}), none);
  lenient.dialect.single_value = SingleValue::error;
  EXPECT_EQ(lenient.gradient({1, 3, 1, 1}), Kinds{ErrorKind::one_value});
  EXPECT_EQ(Session().after(ones(false, {1, 3, 1, 1})).gradient({1, 3, 1, 1}), none);
}

TEST(BackwardErrors, Aliases) {
  for (const bool training : {true, false}) {
    const Session session = Session().after(ones(training));
    EXPECT_EQ(session.overlapping(usual, Overlap::in_place), none);
    EXPECT_EQ(session.overlapping(usual, Overlap::shifted), alias);
    EXPECT_EQ(session.overlapping(usual, Overlap::y_itself), alias);
    EXPECT_EQ(session.overlapping(usual, Overlap::dx_and_x), alias);
    EXPECT_EQ(session.overlapping(usual, Overlap::y_and_weight), alias);
    // A backward call in training does not read running statistics, and no backward call writes them.
    EXPECT_EQ(session.overlapping(usual, Overlap::y_and_running_mean), training ? none : alias);
    EXPECT_EQ(session.overlapping(usual, Overlap::y_and_running_var), training ? none : alias);
    EXPECT_EQ(session.overlapping(usual, Overlap::running_mean_and_var), none);
  }
}

TEST(BackwardErrors, AliasesNeedSomethingToOverlap) {
  const Shape empty{0, 3, 4, 5};
  const Session session = Session().after(ones(true, empty));
  for (const Overlap overlap :
       {Overlap::shifted, Overlap::y_itself, Overlap::y_and_weight, Overlap::dx_and_x}) {
    EXPECT_EQ(session.overlapping(empty, overlap), none) << name_of(overlap);
  }
  Placement gap;
  gap.gaps = {0, 0, 0, 1};
  const Session strided = Session(1).after(ones(true, {1, 1, 4, 1}));
  EXPECT_EQ(strided.overlapping({1, 1, 4, 1}, Overlap::shifted, gap), none);
  Session plain;
  plain.config.weight = plain.config.bias = plain.config.track_running_stats = false;
  plain.state = fresh_state(plain.config);
  plain.after(ones(false));
  EXPECT_EQ(plain.overlapping(usual, Overlap::y_and_weight), none);
  EXPECT_EQ(plain.overlapping(usual, Overlap::y_and_running_mean), none);
  // Without dx, nothing of its size is written.
  Call call{Backward{Tensor::filled(usual, 1), false, true, true, {}}, {}};
  const Session ordinary = Session().after(ones(false));
  for (const Overlap overlap : {Overlap::shifted, Overlap::y_itself, Overlap::y_and_weight,
                                Overlap::y_and_running_var, Overlap::dx_and_x}) {
    call.exec.overlap = overlap;
    EXPECT_EQ(ordinary.errors(call), none) << name_of(overlap);
  }
}

TEST(BackwardErrors, ADyWithoutItsBytesIsNoInput) {
  Session session;
  session.after(ones(true));
  const Call broken = backward(Tensor{Dtype::f32, usual, std::vector<std::byte>(16)});
  EXPECT_THROW(session.call(broken), std::invalid_argument);
}

// ---- what a call that succeeds returns

TEST(BackwardAnswer, ReturnsWhatIsWantedAndExists) {
  Session session;
  session.after(ones(true));
  Session plain;
  plain.config.set_affine(false);
  plain.state = fresh_state(plain.config);
  plain.after(ones(true));
  for (int wanted = 0; wanted < 8; ++wanted) {
    const bool dx = (wanted & 1) != 0;
    const bool dweight = (wanted & 2) != 0;
    const bool dbias = (wanted & 4) != 0;
    const Call call{Backward{Tensor::filled(usual, 1), dx, dweight, dbias, {}}, {}};
    const auto outputs = session.call(call).outputs;
    EXPECT_EQ(outputs.contains(Output::dx), dx);
    EXPECT_EQ(outputs.contains(Output::dweight), dweight);
    EXPECT_EQ(outputs.contains(Output::dbias), dbias);
    EXPECT_EQ(outputs.size(), static_cast<std::size_t>(dx + dweight + dbias));
    EXPECT_EQ(plain.call(call).outputs.size(), dx ? 1u : 0u);
  }
}

/// As many as the parameter that is there has elements, which per-activation axes make more than channels.
TEST(BackwardAnswer, ReturnsTheGradientOfTheParameterThatIsThere) {
  for (const bool weight : {true, false}) {
    for (const Axes axes : {Axes::spatial, Axes::per_activation}) {
      Session session;
      session.dialect.axes = axes;
      session.config.weight = weight;
      session.config.bias = !weight;
      session.config.track_running_stats = false;
      const Shape vector{feature_count(usual, axes).features};
      session.state = {};
      (weight ? session.state.weight : session.state.bias) = Tensor::filled(vector, 1);
      session.after(ones(true));
      const auto outputs = session.call(backward(Tensor::filled(usual, 1))).outputs;
      ASSERT_EQ(outputs.size(), 2u);
      EXPECT_EQ(outputs.at(weight ? Output::dweight : Output::dbias).shape(), vector);
    }
  }
}

TEST(BackwardAnswer, ChangesNoState) {
  for (const bool training : {true, false}) {
    Session session;
    session.after(ones(training));
    const Session before = session;
    session.after(backward(Tensor::filled(usual, 1)));
    EXPECT_EQ(session.state, before.state);
    EXPECT_EQ(session.config, before.config);
    EXPECT_EQ(session.latest, before.latest);
  }
}

TEST(BackwardAnswer, OfAnEmptyBatchIsEmptyAndZero) {
  for (const Shape& shape : {Shape{0, 3, 4, 5}, Shape{2, 3, 0, 5}}) {
    for (const bool training : {true, false}) {
      Session session;
      session.state.weight = vector_of({1, std::nanf(""), HUGE_VALF});
      session.state.running_var = vector_of({std::nanf(""), -1, HUGE_VALF});
      session.after(ones(training, shape));
      const auto outputs = session.call(backward(Tensor::filled(shape, 1))).outputs;
      EXPECT_EQ(outputs.at(Output::dx).nearest(), Tensor::filled(shape, 0));
      EXPECT_EQ(outputs.at(Output::dweight).nearest(), Tensor::filled({3}, 0));
      EXPECT_EQ(outputs.at(Output::dbias).nearest(), Tensor::filled({3}, 0));
      EXPECT_TRUE(outputs.at(Output::dweight).error(2, 0.0f, Numerics{}).nearest);
    }
  }
}

/// Nothing is stored per channel of an empty x.
TEST(BackwardAnswer, OfAnEmptyBatchOfAbsurdlyManyChannelsCostsNothing) {
  Session session;
  session.config.weight = session.config.bias = session.config.track_running_stats = false;
  session.config.num_features = std::int64_t{1} << 60;
  session.state = State{};
  const Tensor empty{Dtype::f32, {0, std::int64_t{1} << 60, 1, 1}, {}};
  session.after(forward(true, empty));
  EXPECT_EQ(session.call(backward(empty)).outputs.size(), 1u);
}

/// The latest of two forward calls in the same mode counts.
TEST(BackwardAnswer, IsTheGradientOfTheLatestForwardCall) {
  Session session(1, 1);
  session.config.eps = 1;
  session.after(forward(true, Tensor::of({2, 1}, std::vector<float>{5, 7})));
  session.after(forward(true, Tensor::of({2, 1}, std::vector<float>{1, -1})));
  const Call call = backward(Tensor::of({2, 1}, std::vector<float>{1, -1}));
  // x̂ = ±1/√2, dγ = 2/√2.
  EXPECT_EQ(session.call(call).outputs.at(Output::dweight).value(0).nearest_f32(), std::sqrt(2.0f));
}

}  // namespace
}  // namespace bncheck::test
