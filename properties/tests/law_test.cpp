/// Every law on the shipped BatchNorm in both of its forms, and on the exact answer in every dialect.

#include <gtest/gtest.h>

#include <memory>

#include "laws/catalogue.hpp"
#include "report/console.hpp"
#include "subjects/registry.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

/// Explanation of a law that does not hold: the law, the shrunk case and the numbers.
std::string explain(const LawResult& result, const std::string& subject, std::uint64_t seed) {
  std::string text = result.law->name + " on " + subject + " is " + std::string(name_of(result.kind)) + ": " +
                     result.reason + " (seed " + std::to_string(seed) + ")\n";
  if (result.counterexample) text += show_finding({result, ""}, subject, {}, {});
  return text;
}

class LawOnSubject : public testing::TestWithParam<std::tuple<std::string, const Law*>> {};

TEST_P(LawOnSubject, Holds) {
  const auto& [name, law] = GetParam();
  const std::unique_ptr<Subject> subject = make_subject(name);
  CheckOptions options = test_options();
  if (law->traits.bulky) options.cases = some_of(40);
  const LawResult result = check_law(*law, *subject, options);
  EXPECT_TRUE(holds(result)) << explain(result, name, options.seed);
  EXPECT_EQ(result.cases, options.cases);
}

std::vector<const Law*> every_law() {
  return laws_matching("*");
}

/// Every law on the layer; on the functions, those that apply to functions.
std::vector<std::tuple<std::string, const Law*>> laws_on_subjects() {
  std::vector<std::tuple<std::string, const Law*>> all;
  for (const char* name : {"bn", "bn_functional"}) {
    const std::unique_ptr<Subject> subject = make_subject(name);
    for (const Law* law : every_law()) {
      if (name == std::string("bn") || !unmet_need(*law, subject->can())) all.emplace_back(name, law);
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Laws, LawOnSubject, testing::ValuesIn(laws_on_subjects()), [](const auto& test) {
  return std::get<0>(test.param) + "_" + std::get<1>(test.param)->name;
});

/// Functions get x as an argument and need no forward call.
TEST(LawsOnFunctions, OnlyTheMissingForwardIsNotTheirs) {
  EXPECT_EQ(2 * every_law().size(), laws_on_subjects().size() + 1);
  const std::unique_ptr<Subject> functions = make_subject("bn_functional");
  EXPECT_TRUE(unmet_need(*law_named("backward_no_forward_rejected"), functions->can()));
}

/// A law that rejects the exact answer is wrong itself: in its mathematics, or in its conditions on a
/// dialect.
class LawInDialect : public testing::TestWithParam<std::tuple<Dialect, const Law*>> {};

TEST_P(LawInDialect, HoldsForTheExactAnswer) {
  const auto& [dialect, law] = GetParam();
  Perfect subject(dialect);
  CheckOptions options = test_options();
  options.cases = some_of(law->traits.bulky ? 10 : 70);
  const LawResult result = check_law(*law, subject, options);
  if (result.kind == Verdict::Kind::not_applicable) {
    EXPECT_NE(dialect.name, "pytorch") << "every law is about PyTorch's BatchNorm";
    EXPECT_FALSE(result.reason.empty());
    return;
  }
  EXPECT_TRUE(holds(result)) << explain(result, dialect.name, options.seed);
}

INSTANTIATE_TEST_SUITE_P(Laws, LawInDialect,
                         testing::Combine(testing::ValuesIn(dialect_presets()),
                                          testing::ValuesIn(every_law())),
                         [](const auto& test) {
                           return test_name(std::get<0>(test.param).name) + "_" +
                                  std::get<1>(test.param)->name;
                         });

TEST(Laws, SayWhyTheyStayBesideTheOthers) {
  for (const Law& law : all_laws()) {
    EXPECT_TRUE(std::string_view(law.traits.rationale).ends_with(".")) << law.name;
  }
}

/// The report of a violation names the law and shows the shrunk case.
TEST(LawReport, NamesTheLawAndShowsTheShrunkCase) {
  Perfect subject(*dialect_named("pytorch"));
  Law law = *law_named("matches_oracle");
  law.check = [](const Case& c, Runner&) {
    return c.config.num_features > 1 ? Verdict::violated("more than one channel") : Verdict{};
  };
  const LawResult result = check_law(law, subject, test_options());
  ASSERT_EQ(result.kind, Verdict::Kind::violated);
  EXPECT_EQ(result.counterexample->config.num_features, 2);
  const std::string text = explain(result, "perfect", 1);
  for (const char* part : {"matches_oracle", "more than one channel", "BatchNorm1d(2)", "call 0: forward"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is missing in\n" << text;
  }
}

/// Wrong numbers in many channels, a wrong rejection of one channel: the finding stays that of the numbers,
/// which came first.
TEST(LawReport, AWrongNumberDoesNotShrinkIntoAWrongRejection) {
  Perfect subject(*dialect_named("pytorch"));
  Law law = *law_named("matches_oracle");
  law.check = [](const Case& c, Runner&) {
    if (c.config.num_features == 1) return Verdict::violated("rejected");
    Verdict verdict = Verdict::violated("wrong number");
    verdict.mismatches.push_back({});
    return verdict;
  };
  law.draw = [draw = law.draw](Draws& draws, const Capabilities& can) {
    Case c = draw(draws, can);
    while (c.config.num_features < 3) c = draw(draws, can);
    return c;
  };
  const LawResult result = check_law(law, subject, test_options());
  EXPECT_EQ(result.reason, "wrong number");
  EXPECT_EQ(result.counterexample->config.num_features, 2);
}

/// A law that does not apply to most cases has shown nothing.
TEST(LawReport, TooManyDiscardsAreInconclusive) {
  Perfect subject(*dialect_named("pytorch"));
  Law law = *law_named("matches_oracle");
  int checked = 0;
  law.check = [&](const Case&, Runner&) {
    return ++checked % 10 == 0 ? Verdict::not_applicable("every tenth") : Verdict{};
  };
  const LawResult result = check_law(law, subject, test_options());
  EXPECT_EQ(result.kind, Verdict::Kind::inconclusive);
  EXPECT_NE(result.reason.find("every tenth"), std::string::npos) << result.reason;
}

/// With a hundred million cases left, the run ends at its time limit.
TEST(LawReport, StopsWhenToldTo) {
  Perfect subject(*dialect_named("pytorch"));
  CheckOptions options = test_options();
  options.cases = 100'000'000;
  std::atomic<bool> interrupted{false};
  options.interrupted = &interrupted;
  options.progress = [&](int cases) { interrupted = cases >= 10; };
  const LawResult result = check_law(*law_named("momentum_zero"), subject, options);
  EXPECT_EQ(result.kind, Verdict::Kind::inconclusive);
  EXPECT_EQ(result.cases, 10);
  EXPECT_EQ(result.reason, "interrupted after 10 cases");
}

TEST(LawReport, SameSeedSameCases) {
  const auto drawn = [](std::uint64_t seed) {
    Perfect subject(*dialect_named("pytorch"));
    Law law = *law_named("matches_oracle");
    std::vector<Case> cases;
    law.check = [&](const Case& c, Runner&) {
      cases.push_back(c);
      return Verdict{};
    };
    CheckOptions options = test_options();
    options.cases = 20;
    options.seed = seed;
    check_law(law, subject, options);
    return cases;
  };
  EXPECT_EQ(drawn(1), drawn(1));
  EXPECT_NE(drawn(1), drawn(2));
}

}  // namespace
}  // namespace bncheck::test
