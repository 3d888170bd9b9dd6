/// Explanations of findings: what a subject would have to declare for them to be none.

#include "search/explanation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "laws/catalogue.hpp"
#include "report/console.hpp"
#include "report/results.hpp"
#include "search/diagnose_numerics.hpp"
#include "subjects/registry.hpp"
#include "subjects/variants/variants.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using testing::HasSubstr;
using testing::Not;

LawResult checked(const char* subject, const char* law) {
  CheckOptions options = test_options();
  options.cases = 100;
  const auto made = make_subject(subject);
  return check_law(*law_named(law), *made, options);
}

/// Whether the declaration is among the explanations, with the option that declares it.
testing::AssertionResult explains(const LawResult& result, const std::string& cause,
                                  const std::string& option) {
  for (const Explanation& explanation : result.explanations) {
    if (explanation == Explanation{cause, option}) return testing::AssertionSuccess();
  }
  auto failure = testing::AssertionFailure() << result.law->name << ": " << result.reason;
  for (const Explanation& explanation : result.explanations) failure << "; " << show(explanation);
  return failure;
}

TEST(Explanation, OfInaccurateResultsIsALossOfAccuracy) {
  for (const char* law : {"matches_oracle", "affine_parameters"})
    EXPECT_TRUE(explains(checked("fault:inference_folded", law), "form=folded", "--numerics form=folded"));
  EXPECT_TRUE(explains(checked("fault:running_float_sum", "long_sums"), "summation=naive",
                       "--numerics summation=naive"));
  EXPECT_TRUE(explains(checked("fault:one_pass_clamped", "matches_oracle"), "a one-pass variance", ""));
}

TEST(Explanation, OfWrongResultsIsAKnobOfTheDialect) {
  const LawResult result = checked("fault:running_var_biased", "momentum_one_step");
  EXPECT_TRUE(explains(result, "running_var=population", "--dialect pytorch,running_var=population"));
}

TEST(Explanation, OfALaxCheckIsADialectInWhichTheCallMayBeMade) {
  EXPECT_TRUE(explains(checked("fault:one_value_counts_as_zero", "one_value_rejected"), "single_value=zero",
                       "--dialect pytorch,single_value=zero"));
  for (const auto& [fault, law] : {std::pair("fault:gradient_shape_by_count", "backward_shape_rejected"),
                                   std::pair("fault:counter_unchecked", "counter_rejected")}) {
    const LawResult result = checked(fault, law);
    EXPECT_EQ(result.rank, Rank::lax);
    EXPECT_TRUE(result.explanations.empty()) << show(result.explanations[0]);
  }
}

TEST(Explanation, IsNoneWhereNoDeclarationFits) {
  for (const char* fault : {"fault:eps_twice_in_inference", "fault:bias_before_weight"}) {
    const LawResult result = checked(fault, "inference_uses_running_statistics");
    EXPECT_EQ(result.kind, Verdict::Kind::violated);
    EXPECT_TRUE(result.explanations.empty()) << show(result.explanations[0]);
  }
}

/// A limit has its edge, and no loss of accuracy makes it right.
TEST(Explanation, IsNotOfALimit) {
  const LawResult result = checked("fault:squares_overflow", "extreme_range");
  EXPECT_EQ(result.rank, Rank::limit);
  EXPECT_TRUE(result.explanations.empty());
}

/// Here a knob explains the small case; of the case as it was drawn it says nothing, because its call must fail.
TEST(Explanation, OfAKnobMustFitTheDrawnCaseToo) {
  const auto subject = make_subject("fault:running_var_biased");
  const Case small = forward_case(true, {2, 1}, {0, 1});
  Case drawn = small;
  const auto explanations = [&] {
    return explanations_of(*law_named("momentum_one_step"), small, drawn, Rank::wrong, *subject, nullptr,
                           [] { return false; });
  };
  EXPECT_THAT(explanations(), testing::Not(testing::IsEmpty()));
  drawn.config.num_features = 2;
  EXPECT_THAT(explanations(), testing::IsEmpty());
}

TEST(Explanation, StopsWhereThereIsNoTime) {
  const auto subject = make_subject("fault:inference_folded");
  const LawResult result = checked("fault:inference_folded", "matches_oracle");
  const auto with = [&](bool over) {
    return explanations_of(*result.law, *result.counterexample, *result.counterexample, result.rank, *subject,
                           nullptr, [=] { return over; });
  };
  EXPECT_FALSE(with(false).empty());
  EXPECT_TRUE(with(true).empty());
}

const Explanation folded{"form=folded", "--numerics form=folded"};
const Explanation naive{"summation=naive", "--numerics summation=naive"};
const Explanation population{"running_var=population", "--dialect pytorch,running_var=population"};
const Explanation keras{"eps_place=outside", "--dialect pytorch,eps_place=outside"};

std::vector<std::string> chosen(const std::vector<std::vector<Explanation>>& explanations) {
  std::vector<const std::vector<Explanation>*> pointers;
  for (const auto& one : explanations) pointers.push_back(&one);
  std::vector<std::string> causes;
  for (const Explanation* one : fewest_causes(pointers)) causes.push_back(one == nullptr ? "-" : one->cause);
  return causes;
}

TEST(Explanation, PrefersTheCauseOfMoreFindings) {
  EXPECT_EQ(chosen({{folded, naive}, {naive}, {}, {naive}, {folded}}),
            (std::vector<std::string>{"summation=naive", "summation=naive", "-", "summation=naive",
                                      "form=folded"}));
  // The first, which is the smaller loss, where the numbers are equal.
  EXPECT_EQ(chosen({{folded, naive}}), std::vector<std::string>{"form=folded"});
}

/// Of several knobs that explain one finding, and no other, none is better than the next.
TEST(Explanation, DoesNotGuessAmongKnobsOfTheDialect) {
  EXPECT_EQ(chosen({{population, keras}}), std::vector<std::string>{"-"});
  EXPECT_EQ(chosen({{population}}), std::vector<std::string>{"running_var=population"});
  EXPECT_EQ(chosen({{population, keras}, {keras}}),
            (std::vector<std::string>{"eps_place=outside", "eps_place=outside"}));
}

/// A control that declares nothing, and what it must be judged with.
struct Undeclared {
  const char* control;
  const char* numerics;
};
void PrintTo(const Undeclared& undeclared, std::ostream* out) {
  *out << undeclared.control;
}
class NumericsOf : public testing::TestWithParam<Undeclared> {};

/// With what is found, other cases have no finding that fails.
TEST_P(NumericsOf, AControlThatDeclaresNothing) {
  const auto& controls = variants::controls();
  const auto control =
      std::ranges::find(controls, std::string_view(GetParam().control), &variants::Control::name);
  ASSERT_NE(control, controls.end());
  const auto subject = variants::make_variant("", control->name, control->recipe, Numerics());
  const NumericsDiagnosis diagnosis = diagnose_numerics(*subject, Dialect(), 7);
  EXPECT_THAT(diagnosis.violated, testing::IsEmpty());
  EXPECT_EQ(text_of(diagnosis.numerics), GetParam().numerics);
  const auto declared = variants::make_variant("", control->name, control->recipe, diagnosis.numerics);
  const NumericsDiagnosis again = diagnose_numerics(*declared, Dialect(), test_seed());
  EXPECT_THAT(again.violated, testing::IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Controls, NumericsOf,
                         testing::Values(Undeclared{"two_pass", "sound"}, Undeclared{"literal", "sound"},
                                         Undeclared{"literal_naive", "sound,summation=naive"},
                                         Undeclared{"literal_folded", "sound,form=folded"},
                                         Undeclared{"flushing", "sound,flush_to_zero=true"},
                                         Undeclared{"flushing_naive",
                                                    "sound,summation=naive,flush_to_zero=true"}),
                         [](const auto& test) { return std::string(test.param.control); });

TEST(NumericsDiagnosis, LeavesAFaultAFault) {
  const auto subject = make_subject("fault:eps_twice_in_inference");
  const NumericsDiagnosis diagnosis = diagnose_numerics(*subject, Dialect(), 7);
  EXPECT_TRUE(diagnosis.losses.empty());
  EXPECT_EQ(text_of(diagnosis.numerics), "sound");
  EXPECT_THAT(diagnosis.violated, testing::Contains(HasSubstr("inference_uses_running_statistics: wrong: ")));
}

/// One cause is one finding to read: the others of it are without their cases, and the summary counts them.
TEST(Explanation, OfSeveralFindingsIsReadOnce) {
  CheckReport report{"x", "1", "pytorch", "sound", 1, false, {}};
  for (const char* law : {"zero_mean", "variance", "sign_flip"}) {
    LawResult result;
    result.law = law_named(law);
    result.kind = Verdict::Kind::violated;
    result.reason = std::string("off in ") + law;
    result.counterexample = forward_case(true, {2, 1}, {1, 2});
    result.verdict = Verdict::violated(result.reason);
    if (std::string(law) != "variance") result.explanations = {folded};
    report.findings.push_back({result, std::string(law) + ".safetensors"});
  }
  explain(report.findings);
  const std::string text = show_findings(report, {"", "faithful"}, {});
  EXPECT_THAT(text, HasSubstr("off in zero_mean: explained by form=folded (--numerics form=folded)\n"
                              "the smallest case found:\n"));
  EXPECT_THAT(text, HasSubstr("off in variance\nthe smallest case found:\n"));
  EXPECT_THAT(text,
              HasSubstr("off in sign_flip: explained by form=folded (--numerics form=folded)\n"
                        "replay: bncheck replay sign_flip.safetensors --subject x --numerics faithful\n"));
  EXPECT_THAT(summary(report, {}), HasSubstr("\nform=folded explains 2 findings: zero_mean, sign_flip\n"));
  report.findings.resize(2);
  report.findings.erase(report.findings.begin());
  EXPECT_THAT(summary(report, {}), Not(HasSubstr("explains")));
}

}  // namespace
}  // namespace bncheck::test
