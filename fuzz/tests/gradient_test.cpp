/// Decoding, mutating and damaging of backward calls.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "bncheck/walk.hpp"
#include "edits.hpp"
#include "judge_input.hpp"
#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"
#include "mutate.hpp"

namespace bncheck::fuzz {
namespace {

/// A layer of three channels, a forward call on eight values and its gradient.
Case gradient_case(bool training = true) {
  Case c;
  c.config.num_features = 3;
  c.state = fresh_state(c.config);
  Tensor x = Tensor::filled({8, 3}, 0);
  for (std::size_t i = 0; i < x.size(); ++i) x.floats()[i] = static_cast<float>(i * i % 11);
  Tensor dy = x;
  std::ranges::reverse(dy.floats());
  c.calls = {{Forward{training, std::move(x)}, {}}, {Backward{std::move(dy)}, {}}};
  return c;
}
Forward& forward_of(Case& c) {
  return std::get<Forward>(c.calls[0].operation);
}
Backward& backward_of(Case& c) {
  return std::get<Backward>(c.calls.back().operation);
}
Case overlapping(Overlap overlap, bool training) {
  Case c = gradient_case(training);
  c.calls[1].exec.overlap = overlap;
  return c;
}

std::string law_of(const Family& family, const Case& c) {
  const Law* law = law_for(family, c, subject_named("bn").can().dialect);
  return law == nullptr ? "" : law->name;
}

/// Subject of the case after choose_subject, if `wanted` was requested.
std::string chosen_for(const Case& c, const std::string& wanted) {
  Input input{law_named("backward_matches_oracle"), wanted, c};
  choose_subject(input);
  return input.subject;
}

TEST(Families, ShareTheLawsAboutGradients) {
  std::set<std::string> forward, backward, reject;
  const auto names = [](const Family& family, std::set<std::string>& into) {
    for (const Law* law : family.laws) into.insert(law->name);
  };
  names(forward_family(), forward);
  names(backward_family(), backward);
  names(reject_family(), reject);
  for (const Law& law : all_laws()) {
    if (law.traits.bulky) continue;
    const bool gradient = law.name.starts_with("backward_");
    const bool rejection = law.name.ends_with("_rejected");
    EXPECT_EQ(backward.contains(law.name), gradient && !rejection) << law.name;
    const bool sequence = law.name == "call_sequences";
    EXPECT_EQ(forward.contains(law.name), !gradient && !rejection && !sequence) << law.name;
    EXPECT_EQ(reject.contains(law.name), rejection || law.name == "empty_batch") << law.name;
  }
}

TEST(LawFor, AGradientThatMustSucceed) {
  Case c = gradient_case();
  EXPECT_EQ(law_of(backward_family(), c), "backward_matches_oracle");
  EXPECT_EQ(law_of(forward_family(), c), "");
  backward_of(c).dy.floats()[2] = HUGE_VALF;
  EXPECT_EQ(law_of(backward_family(), c), "backward_non_finite_rule");
  c.calls.push_back(c.calls[1]);  // the rule is about one gradient
  EXPECT_EQ(law_of(backward_family(), c), "");
  c = gradient_case();
  forward_of(c).x = backward_of(c).dy = Tensor::filled({0, 3}, 0);
  EXPECT_EQ(law_of(backward_family(), c), "backward_empty_batch");
  c.calls.pop_back();
  EXPECT_EQ(law_of(backward_family(), c), "");
  EXPECT_EQ(law_of(forward_family(), c), "empty_batch");
}

TEST(LawFor, AGradientThatMustFail) {
  Case c = gradient_case();
  c.calls.erase(c.calls.begin());
  EXPECT_EQ(law_of(reject_family(), c), "backward_no_forward_rejected");
  c = gradient_case();
  c.calls.insert(c.calls.begin() + 1, Call{Load{c.state}, {}});
  EXPECT_EQ(law_of(reject_family(), c), "backward_no_forward_rejected");
  c = gradient_case();
  backward_of(c).training = false;
  EXPECT_EQ(law_of(reject_family(), c), "backward_no_forward_rejected");
  c = gradient_case();
  backward_of(c).dy = with_shape(backward_of(c).dy, {7, 3});
  EXPECT_EQ(law_of(reject_family(), c), "backward_shape_rejected");
  for (const Overlap overlap : {Overlap::shifted, Overlap::y_itself, Overlap::dx_and_x}) {
    EXPECT_EQ(law_of(reject_family(), overlapping(overlap, true)), "backward_alias_rejected");
  }
}

/// A law about rejection concerns the last call.
TEST(LawFor, AnEarlierCallThatFails) {
  Case c = gradient_case();
  c.calls.insert(c.calls.begin(), Call{SetMomentum{HUGE_VAL}, {}});
  EXPECT_EQ(law_of(reject_family(), c), "");
  EXPECT_EQ(law_of(backward_family(), c), "");
}

TEST(Affordable, TakesAGradient) {
  Case c = gradient_case();
  EXPECT_TRUE(affordable(c));
  EXPECT_EQ(elements_of(c), 48);
  c.calls[1].exec.x.gaps = {0, 0, 0};
  EXPECT_FALSE(affordable(c)) << "a placement of another rank";
  c = gradient_case();
  c.calls[1].exec.y.offset = std::int64_t{1} << 40;
  EXPECT_FALSE(affordable(c)) << "memory";
  c = gradient_case();
  backward_of(c).dy.dtype = Dtype::bf16;
  EXPECT_FALSE(affordable(c)) << "not f32";
  c = gradient_case();
  backward_of(c).dy = Tensor::filled({1 << 15, 3}, 0);
  EXPECT_FALSE(affordable(c)) << "large";
}

/// The running statistics are an argument only of a gradient by running statistics.
TEST(Affordable, RefusesADxOverMemoryThatTheCallDoesNotTake) {
  for (const Overlap overlap : {Overlap::y_and_running_mean, Overlap::y_and_running_var}) {
    EXPECT_TRUE(affordable(overlapping(overlap, false)));
    EXPECT_FALSE(affordable(overlapping(overlap, true)));
  }
  EXPECT_TRUE(affordable(overlapping(Overlap::y_and_weight, true)));
  EXPECT_FALSE(affordable(overlapping(Overlap::running_mean_and_var, false)));
  Case c = overlapping(Overlap::dx_and_x, true);
  EXPECT_TRUE(affordable(c));
  backward_of(c).dy = with_shape(backward_of(c).dy, {7, 3});
  EXPECT_TRUE(affordable(c));
  backward_of(c).dy = with_shape(backward_of(c).dy, {8, 3, 1});
  EXPECT_FALSE(affordable(c)) << "the strides of x do for its rank only";
}

TEST(ChooseSubject, TheLayerKnowsOfTheForwardCall) {
  Case c = gradient_case();
  EXPECT_EQ(chosen_for(c, "bn"), "bn");
  EXPECT_EQ(chosen_for(c, "bn_functional"), "bn_functional");
  backward_of(c).training = true;
  EXPECT_EQ(chosen_for(c, "bn_functional"), "bn_functional");
  backward_of(c).training = false;
  EXPECT_EQ(chosen_for(c, "bn_functional"), "bn") << "another mode";
  c = gradient_case();
  c.calls.erase(c.calls.begin());
  EXPECT_EQ(chosen_for(c, "bn_functional"), "bn") << "no forward call";
  c = gradient_case();
  forward_of(c).x = with_shape(forward_of(c).x, {8, 2});
  EXPECT_EQ(chosen_for(c, "bn_functional"), "bn") << "a forward call that fails";
  c = gradient_case();
  c.calls.insert(c.calls.begin() + 1, Call{Load{c.state}, {}});
  EXPECT_EQ(chosen_for(c, "bn_functional"), "bn") << "a state loaded in between";
}

TEST(ChooseSubject, OverlapsWithParametersNeedTheFunctions) {
  EXPECT_EQ(chosen_for(overlapping(Overlap::y_and_weight, true), "bn"), "bn_functional");
  EXPECT_EQ(chosen_for(overlapping(Overlap::y_and_running_var, false), "bn"), "bn_functional");
  EXPECT_EQ(chosen_for(overlapping(Overlap::dx_and_x, true), "bn"), "bn");
}

TEST(EditShape, KeepsAGradientInTheShapeOfItsForwardCall) {
  RandomDraws draws(3);
  std::set<Shape> shapes;
  Case c = gradient_case();
  for (int k = 0; k < 300; ++k) {
    if (draws.chance(1, 2)) {
      edit_shape(draws, c);
    } else {
      grow(draws, c);
    }
    ASSERT_EQ(backward_of(c).dy.shape, forward_of(c).x.shape);
    shapes.insert(forward_of(c).x.shape);
    if (elements_of(c) > 1000) c = gradient_case();
  }
  EXPECT_GT(shapes.size(), 50U);
}

TEST(EditShape, LeavesADyOfAnotherShapeToItself) {
  RandomDraws draws(5);
  Case c = gradient_case();
  backward_of(c).dy = with_shape(backward_of(c).dy, {5, 3, 2});
  const Tensor dy = backward_of(c).dy;
  for (int k = 0; k < 50; ++k) edit_shape(draws, c);
  EXPECT_EQ(backward_of(c).dy, dy);
}

TEST(EditOptions, ANamedModeFollowsItsForwardCall) {
  const Dialect& dialect = subject_named("bn").can().dialect;
  std::set<bool> modes;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    RandomDraws draws(seed);
    Case c = gradient_case();
    backward_of(c).training = true;
    edit_options(draws, c);
    ASSERT_EQ(backward_of(c).training, forward_of(c).training);
    modes.insert(forward_of(c).training);
    const std::vector<ErrorKind> errors = errors_by_call(c, dialect).back();
    ASSERT_EQ(std::ranges::count(errors, ErrorKind::no_forward), 0);
  }
  EXPECT_EQ(modes.size(), 2U);
}

using Floats = std::vector<float>;

/// One of the three channels.
Floats channel_of(const Tensor& tensor, std::size_t channel) {
  Floats values;
  for (std::size_t i = channel; i < tensor.size(); i += 3) values.push_back(tensor.floats()[i]);
  return values;
}

/// Pearson's correlation, in absolute value; NaN for a channel with one value.
double correlation(const Floats& a, const Floats& b) {
  double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
  const auto n = static_cast<double>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ma += static_cast<double>(a[i]) / n;
    mb += static_cast<double>(b[i]) / n;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double da = static_cast<double>(a[i]) - ma;
    const double db = static_cast<double>(b[i]) - mb;
    aa += da * da;
    bb += db * db;
    ab += da * db;
  }
  return std::fabs(ab) / std::sqrt(aa * bb);
}

bool any_of(const Floats& values, bool (*wanted)(float)) {
  return std::ranges::any_of(values, wanted);
}

/// Features of the values of one channel.
std::set<std::string> features(const Floats& dy, const Floats& x) {
  std::set<std::string> seen;
  const auto zeros = std::ranges::count(dy, 0.0f);
  const auto ones = std::ranges::count(dy, 1.0f);
  const auto [low, high] = std::ranges::minmax(dy);
  if (zeros == 7) seen.insert("one hot");
  if (zeros + ones == 8 && ones > 1) seen.insert("indicator");
  if (low == high) seen.insert("constant");
  if (low != high && std::fabs(low / high - 1) < 1e-3f) seen.insert("nearly constant");
  if (dy != x && correlation(dy, x) > 1 - 1e-6) seen.insert("like the output");
  if (any_of(dy, [](float v) { return std::fabs(v) > 1e8f; }) &&
      any_of(dy, [](float v) { return v != 0 && std::fabs(v) < 1e-8f; })) {
    seen.insert("huge and tiny");
  }
  if (any_of(dy, [](float v) { return !std::isfinite(v); })) seen.insert("not finite");
  return seen;
}

TEST(EditGradient, ReachesEveryKindOfGradientAndWish) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    RandomDraws draws(seed);
    Case c = gradient_case();
    const Case before = c;
    edit_gradient(draws, c);
    const Tensor& x = forward_of(c).x;
    const Backward& after = backward_of(c);
    ASSERT_EQ(after.dy.shape, x.shape);
    ASSERT_EQ(c.calls[0], before.calls[0]);
    if (!after.want_dx) seen.insert("no dx");
    if (!after.want_dweight) seen.insert("no dweight");
    if (!after.want_dbias) seen.insert("no dbias");
    if (after.training) seen.insert("mode");
    if (after.dy == x) seen.insert("x itself");
    const Tensor& old = std::get<Backward>(before.calls[1].operation).dy;
    int changed = 0;
    for (std::size_t k = 0; k < 3; ++k) changed += channel_of(after.dy, k) != channel_of(old, k) ? 1 : 0;
    if (changed == 1) seen.insert("one channel");
    if (changed == 3) seen.merge(features(channel_of(after.dy, 0), channel_of(x, 0)));
  }
  const std::set<std::string> all{"no dx",     "no dweight",      "no dbias",        "mode",
                                  "x itself",  "one channel",     "one hot",         "indicator",
                                  "constant",  "nearly constant", "like the output", "huge and tiny",
                                  "not finite"};
  EXPECT_EQ(seen, all);
}

TEST(EditValues, ReachesDy) {
  int changed = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    RandomDraws draws(seed);
    Case c = gradient_case();
    edit_values(draws, c);
    changed += c.calls[1] != gradient_case().calls[1] ? 1 : 0;
  }
  EXPECT_GT(changed, 20);
}

TEST(EditExec, ReachesTheBackwardCall) {
  std::set<bool> changed;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    RandomDraws draws(seed);
    Case c = gradient_case();
    edit_exec(draws, c, subject_named("bn").can());
    changed.insert(c.calls[1].exec != Exec{});
  }
  EXPECT_EQ(changed.size(), 2U);
}

TEST(EditGradientCalls, AddsAndRemovesWhatMakesSense) {
  RandomDraws draws(17);
  const Capabilities& can = subject_named("bn").can();
  std::set<std::string> seen;
  Case c = gradient_case();
  for (int k = 0; k < 1000; ++k) {
    edit_gradient_calls(draws, c, can);
    ASSERT_FALSE(gradients_of(c).empty());
    const std::size_t forwards = forward_calls(c).size();
    const std::size_t backwards = backward_calls(c).size();
    if (c.calls.size() == 2) seen.insert("two calls");
    if (forwards == 1 && backwards == 2) seen.insert("two gradients of one call");
    if (forwards == 2 && backwards == 2) seen.insert("two steps");
    for (const Call& call : c.calls) {
      if (std::holds_alternative<Load>(call.operation)) seen.insert("load");
      if (std::holds_alternative<SetMomentum>(call.operation)) seen.insert("set momentum");
    }
    if (c.calls.size() > 8) c = gradient_case();
  }
  const std::set<std::string> all{"two calls", "two gradients of one call", "two steps", "load",
                                  "set momentum"};
  EXPECT_EQ(seen, all);
}

/// Cases without gradients, such as most golden ones, serve as seeds for gradients too, and vice versa.
TEST(Mutate, BringsACaseOverToItsFamily) {
  RandomDraws draws(19);
  const Law* law = law_named("matches_oracle");
  Case bare = gradient_case();
  bare.calls.pop_back();
  int kept_there = 0;
  int kept_back = 0;
  for (int k = 0; k < 50; ++k) {
    const Case there = mutate(draws, backward_family(), {law, "bn", bare}).content;
    const Case back = mutate(draws, forward_family(), {law, "bn", gradient_case()}).content;
    EXPECT_FALSE(backward_calls(there).empty());
    EXPECT_TRUE(backward_calls(back).empty());
    kept_there += there.state == bare.state ? 1 : 0;
    kept_back += back.state == bare.state ? 1 : 0;
  }
  // A new case, unlike an edited one, has another state.
  EXPECT_GT(kept_there, 10);
  EXPECT_GT(kept_back, 10);
}

/// The share of applicable inputs that a campaign needs, and the laws that mutants must reach.
TEST(Mutate, ReachesEveryLawAboutGradients) {
  std::map<std::string, int> reached;
  int applicable = 0;
  constexpr int steps = 1500;
  RandomDraws draws(23);
  Input input = decode(backward_family(), {});
  for (int k = 0; k < steps; ++k) {
    input = mutate(draws, backward_family(), input);
    Input judged = input;
    const Verdict verdict = judge_by_family(backward_family(), judged);
    ASSERT_FALSE(verdict.is_bad()) << judged.law->name << ": " << verdict.message;
    if (verdict.kind == Verdict::Kind::not_applicable) continue;
    ++applicable;
    ++reached[judged.law->name];
  }
  EXPECT_GE(10 * applicable, 9 * steps);
  for (const Law* law : backward_family().laws) EXPECT_GT(reached[law->name], 0) << law->name;
}

TEST(Damage, MeetsEveryErrorOfAGradient) {
  std::set<std::string> laws;
  std::set<Overlap> overlaps;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    RandomDraws draws(seed);
    Case c = gradient_case(seed % 2 == 0);
    damage(draws, c);
    if (!affordable(c) || !std::holds_alternative<Backward>(c.calls.back().operation)) continue;
    const std::string law = law_of(reject_family(), c);
    laws.insert(law);
    if (law == "backward_alias_rejected") overlaps.insert(c.calls.back().exec.overlap);
  }
  for (const char* law :
       {"backward_no_forward_rejected", "backward_shape_rejected", "backward_alias_rejected"}) {
    EXPECT_TRUE(laws.contains(law)) << law;
  }
  EXPECT_EQ(overlaps,
            (std::set<Overlap>{Overlap::shifted, Overlap::y_itself, Overlap::y_and_weight,
                               Overlap::y_and_running_mean, Overlap::y_and_running_var, Overlap::dx_and_x}));
}

}  // namespace
}  // namespace bncheck::fuzz
