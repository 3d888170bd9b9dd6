/// Ranks of violations: what is wrong, what is inaccurate, and what a float32 kernel cannot do.

#include "core/rank.hpp"

#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>

#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"
#include "laws/outcome.hpp"
#include "report/show_case.hpp"
#include "search/check_law.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

/// Right, except for y and the saved invstd of training calls, which are computed in float32 as they are written: in
/// two passes, or with the variance E[x²] − μ². Squares overflow from 1.8e19 on.
class LiteralFloat : public Perfect {
 public:
  explicit LiteralFloat(bool one_pass = false)
      : Perfect(*dialect_named("pytorch"), Claim::sound), one_pass_(one_pass) {
    can_.canonical_bits = false;
    can_.numerics.thread_invariant = can_.numerics.layout_invariant = false;
    can_.numerics.summation = Summation::naive;
    can_.backward = false;
  }

  Outcome run(const Case& c) override {
    Outcome outcome = Perfect::run(c);
    State before = c.state;
    for (std::size_t k = 0; k < c.calls.size(); ++k) {
      const auto* forward = std::get_if<Forward>(&c.calls[k].operation);
      auto* values = std::get_if<Values>(&outcome.replies[k].result);
      if (forward != nullptr && values != nullptr && uses_batch(c.config, *forward) && forward->x.size() > 0)
        compute(c.config, before, forward->x, *values);
      before = outcome.replies[k].state;
    }
    return outcome;
  }

 protected:
  virtual float finished(float y) const { return y; }

 private:
  void compute(const Config& config, const State& state, const Tensor& x, Values& values) const {
    const Geometry geometry(x.shape);
    for (std::int64_t channel = 0; channel < geometry.channels; ++channel) {
      const auto at = static_cast<std::size_t>(channel);
      const std::vector<std::size_t> elements = geometry.elements(channel);
      const auto n = static_cast<float>(elements.size());
      float mean = 0;
      for (const std::size_t i : elements) mean += x.floats()[i];
      mean /= n;
      float squares = 0;
      for (const std::size_t i : elements) {
        const float centred = x.floats()[i] - (one_pass_ ? 0 : mean);
        squares += centred * centred;
      }
      const float variance = one_pass_ ? std::max(squares / n - mean * mean, 0.0f) : squares / n;
      const float invstd = 1 / std::sqrt(variance + static_cast<float>(config.eps));
      values.outputs.at(Output::saved_invstd).floats()[at] = invstd;
      const float gamma = state.weight ? state.weight->floats()[at] : 1;
      const float beta = state.bias ? state.bias->floats()[at] : 0;
      for (const std::size_t i : elements) {
        values.outputs.at(Output::y).floats()[i] = finished((x.floats()[i] - mean) * invstd * gamma + beta);
      }
    }
  }

  bool one_pass_;
};

LawResult checked(Subject& subject, const char* law) {
  CheckOptions options = test_options();
  options.cases = 100;
  return check_law(*law_named(law), subject, options);
}

void expect_violated(Subject& subject, std::initializer_list<const char*> laws, Rank rank) {
  for (const char* law : laws) {
    const LawResult result = checked(subject, law);
    EXPECT_EQ(result.kind, Verdict::Kind::violated) << law;
    EXPECT_EQ(name_of(result.rank), name_of(rank)) << law << ": " << result.reason;
  }
}

TEST(Rank, SquaresThatOverflowAreALimitInEveryLaw) {
  LiteralFloat subject;
  expect_violated(subject, {"extreme_range", "finite_in_finite_out", "scaling_beyond_squares"}, Rank::limit);
  for (const char* law : {"matches_oracle", "variance", "shift_invariance", "zero_mean"})
    EXPECT_EQ(checked(subject, law).kind, Verdict::Kind::holds) << law;
}

/// Squares of deviations and their sum overflow where the largest deviation is between √(max/n) and √max.
TEST(Rank, ALimitSaysWhereItBegins) {
  LiteralFloat subject;
  const LawResult result = checked(subject, "extreme_range");
  ASSERT_TRUE(result.edge) << show_case(*result.counterexample);
  EXPECT_EQ(result.edge->size, "max |x - mu|");
  const double n = static_cast<double>(std::get<Forward>(result.counterexample->calls[0].operation).x.size());
  const double most = std::sqrt(static_cast<double>(FLT_MAX));
  EXPECT_GE(result.edge->lost, most / std::sqrt(n) * 0.999);
  EXPECT_LE(result.edge->lost, most * 1.01);
  EXPECT_LT(result.edge->right, result.edge->lost);
  EXPECT_GT(result.edge->right, result.edge->lost * 0.98);
  EXPECT_NE(result.reason.find(": lost from max |x - mu| = "), std::string::npos) << result.reason;
}

/// Where x is constant, the size of x is given, not that of deviations, which are 0.
TEST(Rank, AnEdgeIsGivenInASizeThatIsNotZero) {
  Case c = forward_case(true, {2, 1}, {0x1p100f, 0x1p100f});
  const auto edge = limit_edge(c, Axes::spatial, [](const Case& scaled) {
    return std::optional(std::get<Forward>(scaled.calls[0].operation).x.floats()[0] < 0x1p50f);
  });
  ASSERT_TRUE(edge);
  EXPECT_EQ(edge->size, "max |x|");
  EXPECT_GE(edge->lost, 0x1p50);
  EXPECT_LT(edge->right, 0x1p50);
  EXPECT_LE(edge->lost, edge->right * 1.01);
}

/// Per activation each column has a mean of its own: |x − μ| is 1 here, and would be 2⁵⁹ or so over the whole channel.
TEST(Rank, AnEdgeKnowsWhatSharesAMean) {
  Case c = forward_case(true, {2, 1, 2}, {0, 0x1p60f, 2, 0x1p60f});
  const auto wrong_above_one = [](const Case& scaled) {
    return std::optional(std::get<Forward>(scaled.calls[0].operation).x.floats()[2] < 1);
  };
  const auto size_lost = [&](Axes axes) { return limit_edge(c, axes, wrong_above_one).value().lost; };
  EXPECT_LE(size_lost(Axes::per_activation), 1);
  EXPECT_GT(size_lost(Axes::spatial), 0x1p50);
}

/// The same, with y one off where it is above 1, from some run on.
class LaterWrong : public LiteralFloat {
 public:
  LaterWrong(bool one_pass, int first_wrong) : LiteralFloat(one_pass), first_wrong_(first_wrong) {}
  Outcome run(const Case& c) override {
    ++runs_;
    return LiteralFloat::run(c);
  }

 protected:
  float finished(float y) const override { return runs_ >= first_wrong_ && y > 1 && y < 100 ? y + 1 : y; }

 private:
  int first_wrong_, runs_ = 0;
};

TEST(Rank, ALimitHidesNothingWrongThatFollows) {
  LiteralFloat literal;
  EXPECT_EQ(name_of(checked(literal, "extreme_range").rank), "limit");
  LaterWrong subject(false, 100);
  const LawResult result = checked(subject, "extreme_range");
  EXPECT_GT(result.cases, 20);
  EXPECT_EQ(name_of(result.rank), "wrong") << result.reason;
  EXPECT_TRUE(result.verdict.mismatches.at(0).error.in_range);
}

/// E[x²] − μ² loses digits at a large mean, and only there.
TEST(Rank, AnUnsoundFormulaIsInaccurate) {
  LiteralFloat subject(true);
  Case c;
  c.config.num_features = 1;
  c.state = fresh_state(c.config);
  std::vector<float> x;
  for (int i = 0; i < 64; ++i) x.push_back(1000.0f + static_cast<float>(i % 7) * 0.37f);
  c.calls.push_back({Forward{true, Tensor::of({64, 1}, x)}, {}});
  const Law& law = *law_named("matches_oracle");
  Runner runner(subject);
  const Verdict verdict = check_case(law, c, runner);
  ASSERT_EQ(verdict.kind, Verdict::Kind::violated);
  EXPECT_GT(verdict.worst_ratio, 2);
  EXPECT_EQ(name_of(rank_of(verdict, law, c, runner)), "inaccurate");
  for (float& value : x) value -= 1000;
  std::get<Forward>(c.calls[0].operation).x = Tensor::of({64, 1}, x);
  EXPECT_EQ(check_case(law, c, runner).kind, Verdict::Kind::holds);
}

/// y of inference is a little too inaccurate, and dweight is lost where Σdy·(x − μ) overflows.
class TwoReasons : public Perfect {
 public:
  TwoReasons() : Perfect(*dialect_named("pytorch"), Claim::sound) {}
  Outcome run(const Case& c) override {
    Outcome outcome = Perfect::run(c);
    for (Reply& reply : outcome.replies) {
      auto& outputs = std::get<Values>(reply.result).outputs;
      if (outputs.contains(Output::y)) outputs.at(Output::y).floats()[0] *= 1 + 0x1p-20f;
      if (outputs.contains(Output::dweight)) outputs.at(Output::dweight).floats()[0] = INFINITY;
    }
    return outcome;
  }
};

/// A finding about one output has the rank of that output, whatever is wrong with another one of the same run.
TEST(Rank, IsThatOfTheOutputsThatTheVerdictNames) {
  Case c = forward_case(false, {1, 1}, {0x1p50f});
  c.state.weight->floats()[0] = 1;
  c.state.running_mean->floats()[0] = 0x1.8p50f;
  c.state.running_var->floats()[0] = 0x1p98f;
  c.calls.push_back({Backward{Tensor::of({1, 1}, std::vector<float>{0x1p127f}), false, true, false}, {}});
  TwoReasons subject;
  Runner runner(subject);
  const auto rank_of_law = [&](const char* law) {
    const Verdict verdict = check_case(*law_named(law), c, runner);
    EXPECT_EQ(verdict.kind, Verdict::Kind::violated) << law << ": " << verdict.message;
    return name_of(rank_of(verdict, *law_named(law), c, runner));
  };
  EXPECT_EQ(rank_of_law("backward_extreme_range"), "limit");
  EXPECT_EQ(rank_of_law("call_sequences"), "inaccurate");
}

/// Carries out every call that must fail.
class Lax : public Perfect {
 public:
  Lax() : Perfect(*dialect_named("pytorch")) {}
  Outcome run(const Case& c) override {
    Outcome outcome = Perfect::run(c);
    for (Reply& reply : outcome.replies) {
      if (std::holds_alternative<Failure>(reply.result)) reply.result = Values{};
    }
    return outcome;
  }
};

TEST(Rank, ACallThatMustFailAndIsCarriedOutIsLax) {
  Lax subject;
  expect_violated(subject, {"eps_rejected", "channel_mismatch_rejected", "backward_shape_rejected"},
                  Rank::lax);
}

/// Lax, and y of calls that may succeed is wrong, or the counter of the calls after a refused one.
class LaxAndWorse : public Lax {
 public:
  explicit LaxAndWorse(bool counts) : counts_(counts) {}
  Outcome run(const Case& c) override {
    Outcome outcome = Lax::run(c);
    Reply& last = outcome.replies.back();
    if (counts_) last.state.num_batches_tracked += 9;
    auto& outputs = std::get<Values>(last.result).outputs;
    if (!counts_ && outputs.contains(Output::y)) outputs.at(Output::y).floats()[0] += 5;
    return outcome;
  }

 private:
  bool counts_;
};

/// A call with too many channels that is carried out, then a right one.
TEST(Rank, AnAcceptedCallHidesNothingThatFollows) {
  Case c = forward_case(false, {2, 1}, {1, 2});
  Call wrong = c.calls[0];
  std::get<Forward>(wrong.operation).x = Tensor::of({1, 2}, std::vector<float>{1, 2});
  c.calls.insert(c.calls.begin(), wrong);
  const auto rank_with = [&](Subject&& subject) {
    Runner runner(subject);
    const auto judge = [&] { return judge_outcome(runner.run(c), runner.can(), Judged::all).verdict; };
    const Verdict verdict = judge();
    EXPECT_EQ(verdict.kind, Verdict::Kind::violated);
    return name_of(rank_of(verdict, runner, judge));
  };
  EXPECT_EQ(rank_with(Lax()), "lax");
  EXPECT_EQ(rank_with(LaxAndWorse(false)), "wrong");
  EXPECT_EQ(rank_with(LaxAndWorse(true)), "wrong");
}

/// A variance E[x²] − μ² is inaccurate at a large mean.
TEST(Rank, ARankThatFailsNothingEndsNoSearch) {
  CheckOptions options = test_options();
  options.cases = 400;
  const auto rank_found = [&] {
    LaterWrong subject(true, 400);
    return name_of(check_law(*law_named("matches_oracle"), subject, options).rank);
  };
  EXPECT_EQ(rank_found(), "inaccurate");
  options.fail_on = {Rank::wrong};
  EXPECT_EQ(rank_found(), "wrong");
}

TEST(Rank, ALimitThatWasFoundInTooFewCasesIsIncomplete) {
  LiteralFloat subject;
  CheckOptions options = test_options();
  EXPECT_FALSE(check_law(*law_named("extreme_range"), subject, options).incomplete);
  int clock = 0;
  options.deadline = std::chrono::steady_clock::time_point(std::chrono::seconds(100));
  options.clock = [&] { return std::chrono::steady_clock::time_point(std::chrono::seconds(++clock)); };
  const LawResult result = check_law(*law_named("extreme_range"), subject, options);
  EXPECT_EQ(name_of(result.rank), "limit");
  EXPECT_TRUE(result.counterexample && result.incomplete);
}

TEST(Rank, NamesAreRead) {
  for (const Rank rank : all_ranks) EXPECT_EQ(rank_named(name_of(rank)), rank);
  EXPECT_EQ(rank_named("violated"), std::nullopt);
}

}  // namespace
}  // namespace bncheck::test
