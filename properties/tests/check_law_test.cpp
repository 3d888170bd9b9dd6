/// check_law with a subject that does not always give the same answer.

#include "search/check_law.hpp"

#include <gtest/gtest.h>

#include "laws/catalogue.hpp"
#include "subjects/variants/variants.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

/// Right, except for one element of y in every `period`-th run from the `first` on.
class Moody : public Perfect {
 public:
  Moody(int first, int period) : Perfect(*dialect_named("pytorch")), first_(first), period_(period) {}
  Outcome run(const Case& c) override {
    Outcome outcome = Perfect::run(c);
    const int run = runs_++;
    if (run < first_ || (run - first_) % period_ != 0) return outcome;
    for (Reply& reply : outcome.replies) {
      auto* values = std::get_if<Values>(&reply.result);
      if (values == nullptr || !values->outputs.contains(Output::y)) continue;
      const auto y = values->outputs.at(Output::y).floats();
      if (!y.empty()) y[0] += 1;
    }
    return outcome;
  }

 private:
  int first_, period_, runs_ = 0;
};

TEST(CheckLaw, ASubjectThatFailsEveryOtherRunIsViolatedAndFlaky) {
  Moody subject(10, 2);
  const LawResult result = check_law(*law_named("matches_oracle"), subject, test_options());
  EXPECT_EQ(result.kind, Verdict::Kind::violated);
  EXPECT_TRUE(result.flaky());
  EXPECT_EQ(std::pair(result.bad, result.repeated), std::pair(2, 3));
  EXPECT_TRUE(result.reason.starts_with("flaky: 2 of 3 runs of this case: call ")) << result.reason;
  EXPECT_TRUE(result.counterexample.has_value());
}

TEST(CheckLaw, ASingleFailureIsViolatedAndFlaky) {
  Moody subject(10, 1'000'000);
  const LawResult result = check_law(*law_named("matches_oracle"), subject, test_options());
  EXPECT_EQ(result.kind, Verdict::Kind::violated);
  EXPECT_TRUE(result.reason.starts_with("flaky: 1 of 3 runs")) << result.reason;
}

TEST(CheckLaw, ASubjectThatFailsEveryTimeIsNotFlaky) {
  Moody subject(10, 1);
  const LawResult result = check_law(*law_named("matches_oracle"), subject, test_options());
  EXPECT_EQ(result.kind, Verdict::Kind::violated);
  EXPECT_FALSE(result.flaky());
  EXPECT_EQ(result.counterexample->config.num_features, 1);
}

/// The running variance is wrong in every training call; y is wrong where a threshold is passed, which is rarer.
TEST(CheckLaw, AKnownFindingHidesNoOther) {
  variants::Recipe recipe;
  recipe.running.variance = variants::RunningVariance::population;
  recipe.lapse = variants::Lapse::eps_1e_4_is_default;
  const auto subject = variants::make_variant("", "two faults", recipe, {});
  CheckOptions options = test_options();
  options.cases = 200;
  std::set<std::string> known;
  options.is_known = [&](const Law&, const Verdict& verdict, Rank) {
    return known.contains(signature_of(verdict));
  };
  const LawResult first = check_law(*law_named("matches_oracle"), *subject, options);
  ASSERT_EQ(first.kind, Verdict::Kind::violated);
  EXPECT_FALSE(first.known);
  known.insert("call running_var is not the exact result within the subject's claim (sound)");
  const LawResult second = check_law(*law_named("matches_oracle"), *subject, options);
  ASSERT_EQ(second.kind, Verdict::Kind::violated);
  EXPECT_FALSE(second.known);
  EXPECT_NE(signature_of(second.verdict), signature_of(first.verdict));
  known.insert(signature_of(second.verdict));
  known.insert("call saved_invstd is not the exact result within the subject's claim (sound)");
  known.insert("call y is not the exact result within the subject's claim (sound)");
  const LawResult third = check_law(*law_named("matches_oracle"), *subject, options);
  EXPECT_TRUE(third.known);
  EXPECT_TRUE(third.is_complete());
  EXPECT_EQ(third.cases, options.cases);
}

}  // namespace
}  // namespace bncheck::test
