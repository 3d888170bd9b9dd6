/// check_law with a subject that does not always give the same answer.

#include "search/check_law.hpp"

#include <gtest/gtest.h>

#include "laws/catalogue.hpp"
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

}  // namespace
}  // namespace bncheck::test
