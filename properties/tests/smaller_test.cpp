/// Shrinking: every step is simpler by a measure that cannot decrease for ever, and the last case is simple.

#include "search/smaller.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "generate/cases.hpp"
#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"
#include "report/show_case.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

/// Lexicographic measure: calls, elements, dimensions, ranks, sizes (an empty tensor shrinks in its other
/// dimensions), ways of execution, options, then the values.
using Measure = std::tuple<std::size_t, std::size_t, int, std::size_t, std::int64_t, int, int, long>;

int measure_of(const Placement& placement) {
  return (placement.order.empty() ? 0 : 1) + (placement.gaps.empty() ? 0 : 1) +
         (placement.offset != 0 ? 1 : 0);
}

int measure_of(const Exec& exec) {
  const Exec plain;
  return measure_of(exec.x) + measure_of(exec.y) + (exec.overlap != plain.overlap ? 1 : 0) +
         (exec.threads != plain.threads ? 1 : 0) + (exec.rounding != plain.rounding ? 1 : 0) +
         (exec.flush_to_zero ? 1 : 0);
}

int measure_of(const Config& config) {
  const int eps = config.eps == 1e-5 || config.eps == 1 ? 0 : 1;
  return eps + (config.momentum == 0.1 ? 0 : 1) + (config.track_running_stats ? 1 : 0);
}

Measure measure_of(const Case& c) {
  std::size_t elements = 0;
  std::size_t ranks = 0;
  std::int64_t sizes = 0;
  long values = 0;
  const auto add = [&](const std::optional<Tensor>& tensor) {
    if (!tensor) return;
    elements += tensor->size();
    ranks += tensor->shape.size();
    for (const std::int64_t size : tensor->shape) sizes += size;
    for (const float value : tensor->floats()) values += complexity(value);
  };
  int options = measure_of(c.config);
  const auto add_state = [&](const State& state) {
    for (const auto* tensor : {&state.weight, &state.bias, &state.running_mean, &state.running_var}) {
      add(*tensor);
    }
    options += state.num_batches_tracked > 0 ? 1 : 0;
  };
  int ways = 0;
  for (const Call& call : c.calls) {
    if (const auto* forward = std::get_if<Forward>(&call.operation)) add(forward->x);
    if (const auto* backward = std::get_if<Backward>(&call.operation)) {
      add(backward->dy);
      ways +=
          backward->want_dx + backward->want_dweight + backward->want_dbias + backward->training.has_value();
    }
    if (const auto* load = std::get_if<Load>(&call.operation)) add_state(load->state);
    const auto* set = std::get_if<SetMomentum>(&call.operation);
    options += set != nullptr && set->momentum != 0.1 ? 1 : 0;
    ways += measure_of(call.exec);
  }
  add_state(c.state);
  return {c.calls.size(), elements, c.config.dimensions, ranks, sizes, ways, options, values};
}

/// Cases of all kinds: those of every law, the invalid ones included.
std::vector<Case> assorted_cases(int per_law, int size) {
  Perfect subject(*dialect_named("pytorch"));
  std::vector<Case> cases;
  for (const Law& law : all_laws()) {
    if (law.traits.bulky) continue;
    RandomDraws draws(61, size);
    for (int k = 0; k < per_law; ++k) cases.push_back(law.draw(draws, subject.can()));
  }
  return cases;
}

void expect_whole(const Case& c) {
  for (const Call& call : c.calls) {
    const auto* forward = std::get_if<Forward>(&call.operation);
    if (forward == nullptr) continue;
    EXPECT_TRUE(forward->x.is_whole());
    EXPECT_TRUE(fits(call.exec.x, forward->x.shape)) << to_string(forward->x.shape);
    EXPECT_TRUE(fits(call.exec.y, forward->x.shape)) << to_string(forward->x.shape);
  }
  for (const auto* tensor : {&c.state.weight, &c.state.bias, &c.state.running_mean, &c.state.running_var}) {
    if (*tensor) {
      EXPECT_TRUE((*tensor)->is_whole());
    }
  }
}

TEST(Smaller, EveryStepIsSimplerAndWhole) {
  for (const Case& c : assorted_cases(3, 40)) {
    const Measure before = measure_of(c);
    for (const auto& step : smaller(c)) {
      const Case next = step();
      ASSERT_LT(measure_of(next), before) << "from\n" << show_case(c) << "to\n" << show_case(next);
      expect_whole(next);
    }
  }
}

/// Follows the first step, and a middle one, repeatedly. Each step takes at least one unit of one part of the
/// measure. Large steps come first, so the way is short: the bound is what the parts of one drawn case allow.
TEST(Smaller, FollowingItEnds) {
  for (const Case& start : assorted_cases(2, 12)) {
    for (const std::size_t divisor : {std::numeric_limits<std::size_t>::max(), std::size_t{2}}) {
      Case c = start;
      std::size_t steps = 0;
      for (auto ways = smaller(c); !ways.empty(); ways = smaller(c)) {
        c = ways[ways.size() / divisor]();
        ASSERT_LT(++steps, 20000U) << show_case(c);
      }
      expect_whole(c);
    }
  }
}

/// The simplest case has no steps.
TEST(Smaller, TheSimplestCaseHasNoSteps) {
  Case c = forward_case(true, {1, 1}, {0});
  c.config.weight = c.config.bias = c.config.track_running_stats = false;
  c.state = fresh_state(c.config);
  EXPECT_TRUE(smaller(c).empty());
}

Case large_case(int round) {
  RandomDraws draws(static_cast<std::uint64_t>(round));
  Capabilities can;
  can.dialect = *dialect_named("pytorch");
  CaseWish wish;
  wish.calls = 3;
  wish.training = true;
  return draw_case(draws, can, wish);
}

TEST(Smaller, FindsTheOneLargeValue) {
  const auto large = [](const Case& c) {
    return std::ranges::any_of(c.calls, [](const Call& call) {
      const auto x = std::get<Forward>(call.operation).x.floats();
      return std::ranges::any_of(x, [](float value) { return std::fabs(value) > 100; });
    });
  };
  int shrunk_cases = 0;
  for (int round = 0; round < 30; ++round) {
    const Case start = large_case(round);
    if (!large(start)) continue;
    ++shrunk_cases;
    const Case c = shrunk(start, large);
    ASSERT_EQ(c.calls.size(), 1U);
    const Tensor& x = std::get<Forward>(c.calls[0].operation).x;
    EXPECT_EQ(c.config.dimensions, 1);
    EXPECT_EQ(c.config.num_features, 1);
    ASSERT_EQ(x.size(), 1U) << show_case(c);
    // One significant bit if a step reached it; else there is no simpler value above 100 than the remaining
    // few bits.
    EXPECT_LE(complexity(x.floats()[0]), complexity(104)) << show_case(c);
    EXPECT_EQ(c.calls[0].exec, Exec{});
    EXPECT_FALSE(c.config.has_parameters());
  }
  EXPECT_GT(shrunk_cases, 10);
}

/// Either may go without the other, where both are too many and none is too few.
TEST(Smaller, DropsWeightAndBiasApart) {
  for (const bool weight : {true, false}) {
    Case start = forward_case(true, {2, 1}, {0, 1});
    const Case c = shrunk(
        start, [&](const Case& smaller) { return weight ? smaller.config.weight : smaller.config.bias; });
    EXPECT_EQ(c.config.weight, weight);
    EXPECT_EQ(c.config.bias, !weight);
    EXPECT_EQ(c.state.weight.has_value(), weight);
    EXPECT_EQ(c.state.bias.has_value(), !weight);
  }
}

TEST(Smaller, KeepsTwoChannelsWhereTwoAreNeeded) {
  const auto differ = [](const Case& c) {
    const Tensor& x = std::get<Forward>(c.calls.back().operation).x;
    return x.shape[1] >= 2 && c.state.running_mean &&
           c.state.running_mean->floats()[0] != c.state.running_mean->floats()[1];
  };
  int shrunk_cases = 0;
  for (int round = 0; round < 30; ++round) {
    const Case start = large_case(round);
    if (!differ(start)) continue;
    ++shrunk_cases;
    const Case c = shrunk(start, differ);
    EXPECT_EQ(c.config.num_features, 2);
    std::vector<float> means(c.state.running_mean->floats().begin(), c.state.running_mean->floats().end());
    std::ranges::sort(means);
    EXPECT_EQ(means, (std::vector<float>{0, 1})) << show_case(c);
    EXPECT_TRUE(std::ranges::all_of(c.state.running_var->floats(), [](float v) { return v == 0; }));
  }
  EXPECT_GT(shrunk_cases, 5);
}

/// Per activation, a vector has an element for each channel and position, which go together.
TEST(Smaller, KeepsVectorsPerActivationFitting) {
  Case start = forward_case(true, {3, 4, 2, 5}, std::vector<float>(120, 2.5f));
  for (Tensor* vector : vectors_of(start.state)) *vector = Tensor::filled({40}, 1);
  start.calls.push_back({Backward{Tensor::filled({3, 4, 2, 5}, 1), true, true, true, {}}, {}});
  start.state.running_mean->floats()[17] = 1000;
  std::get<Forward>(start.calls[0].operation).x.floats()[17] = 1000;
  const Dialect dialect = dialect_from_text("axes=per_activation,single_value=zero");
  const Case c = shrunk(std::move(start), [&](const Case& smaller) {
    const Forward* forward =
        smaller.calls.empty() ? nullptr : std::get_if<Forward>(&smaller.calls[0].operation);
    return forward != nullptr && smaller.state.running_mean && all_succeed(smaller, dialect) &&
           std::ranges::count(forward->x.floats(), 1000.0f) ==
               std::ranges::count(smaller.state.running_mean->floats(), 1000.0f) &&
           std::ranges::count(forward->x.floats(), 1000.0f) == 1;
  });
  EXPECT_EQ(std::get<Forward>(c.calls[0].operation).x.size(), 1U) << show_case(c);
  EXPECT_EQ(c.state.running_mean->shape, Shape{1}) << show_case(c);
}

/// A fault that depends only on the number of elements: neither a channel nor a sample can be dropped alone.
TEST(Smaller, FindsTheNumberOfElementsInOneChannel) {
  Case start = forward_case(true, {7, 3}, std::vector<float>(21, 2.5f));
  const Case c = shrunk(std::move(start), [](const Case& smaller) {
    return std::get<Forward>(smaller.calls.back().operation).x.size() % 8 == 5;
  });
  EXPECT_EQ(std::get<Forward>(c.calls[0].operation).x.shape, (Shape{5, 1}));
  EXPECT_EQ(c.config.num_features, 1);
}

/// The error of an invalid case stays: a wrong number of channels stays wrong.
TEST(Smaller, KeepsAMismatchOfChannels) {
  Case start = forward_case(true, {4, 7, 3}, std::vector<float>(84, 2.5f));
  start.config.num_features = 5;
  start.state = fresh_state(start.config);
  const auto wrong = [](const Case& c) {
    return std::get<Forward>(c.calls[0].operation).x.shape[1] != c.config.num_features;
  };
  const Case c = shrunk(start, wrong);
  EXPECT_LE(c.config.num_features, 2);
  EXPECT_LE(std::get<Forward>(c.calls[0].operation).x.shape[1], 2);
  EXPECT_EQ(std::get<Forward>(c.calls[0].operation).x.shape[0], 1);
}

TEST(Complexity, OrdersValuesAsAPersonWould) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> order{0.0f, -0.0f, 1.0f, -1.0f, 2.0f, 4.0f, 3.0f, 0.1f, inf, std::nanf("")};
  for (std::size_t k = 1; k < order.size(); ++k) {
    EXPECT_LT(complexity(order[k - 1]), complexity(order[k])) << order[k - 1] << " and " << order[k];
  }
}

}  // namespace
}  // namespace bncheck::test
