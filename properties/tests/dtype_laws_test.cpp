/// The laws on subjects that take dtypes other than float32.

#include <gmock/gmock.h>

#include "dtype_subject.hpp"
#include "laws/catalogue.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

constexpr DtypePair f16{Dtype::f16, Dtype::f16};
constexpr DtypePair bf16{Dtype::bf16, Dtype::bf16};
constexpr DtypePair f64{Dtype::f64, Dtype::f64};
constexpr DtypePair f16_f32{Dtype::f16, Dtype::f32};
constexpr DtypePair bf16_f32{Dtype::bf16, Dtype::f32};

/// BNCHECK_LAW_CASES sets the number of cases, which is small in ordinary runs of the tests.
CheckOptions options_for(const Law& law) {
  CheckOptions options = test_options();
  const char* given = std::getenv("BNCHECK_LAW_CASES");
  options.cases = given == nullptr ? some_of(60) : std::atoi(given);
  if (law.traits.bulky) options.cases = std::max(options.cases / 10, 3);
  return options;
}

class DtypeControls : public testing::TestWithParam<DtypePair> {};

TEST_P(DtypeControls, PassEveryLaw) {
  int held = 0;
  for (const Law& law : all_laws()) {
    const std::unique_ptr<Subject> subject = make_dtype_subject({GetParam()});
    const LawResult result = check_law(law, *subject, options_for(law));
    EXPECT_TRUE(holds_or_is_not_applicable(result))
        << law.name << " says '" << name_of(result.kind) << "' after " << result.cases
        << " cases: " << result.reason << " " << result.verdict.message;
    held += result.kind == Verdict::Kind::holds ? 1 : 0;
  }
  EXPECT_GE(held, some_of(30));
}

INSTANTIATE_TEST_SUITE_P(Dtypes, DtypeControls,
                         testing::Values(f16, bf16, f64, f16_f32, bf16_f32, DtypePair{}),
                         [](const auto& test) { return test_name(to_string(test.param)); });

/// Every pair that a subject declares is drawn; laws that read float32 values get only float32.
TEST(DtypeLaws, DrawWhatIsDeclared) {
  const std::unique_ptr<Subject> subject = make_dtype_subject({DtypePair{}, bf16_f32, f64});
  for (const Law& law : all_laws()) {
    if (unmet_need(law, subject->can())) continue;
    std::set<std::string> drawn;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      RandomDraws draws(seed * 77 + 5);
      const Case c = law.draw(draws, subject->can());
      drawn.insert(to_string(dtypes_in(c)));
      EXPECT_EQ(refused_dtypes(c, subject->can().dtypes), "") << law.name;
    }
    if (law.traits.any_dtype) {
      EXPECT_THAT(drawn, testing::UnorderedElementsAre("f32", "bf16+f32", "f64")) << law.name;
    } else {
      EXPECT_THAT(drawn, testing::ElementsAre("f32")) << law.name;
    }
  }
}

TEST(DtypeLaws, ThatReadFloatsAreNotForOthers) {
  const std::unique_ptr<Subject> subject = make_dtype_subject({f16});
  std::size_t float32_only = 0;
  for (const Law& law : all_laws()) {
    if (law.traits.any_dtype) continue;
    ++float32_only;
    EXPECT_EQ(unmet_need(law, subject->can()), "the law reads float32 tensors only") << law.name;
  }
  EXPECT_GT(float32_only, 10u);
  Runner runner(*subject);
  Case c = forward_case(true, {2, 1}, {1, 2});
  const Verdict verdict = check_case(*law_named("matches_oracle"), c, runner);
  EXPECT_EQ(verdict.kind, Verdict::Kind::not_applicable);
  EXPECT_EQ(verdict.message, "dtypes f32, the subject takes f16");
}

class DtypeFaults : public testing::TestWithParam<DtypeFault> {};

TEST_P(DtypeFaults, AreFound) {
  for (const DtypePair& pair : {f16, bf16, f64}) {
    if (!shows_in(GetParam(), pair.data)) continue;
    std::vector<std::string> violated;
    for (const Law& law : all_laws()) {
      if (law.traits.bulky) continue;
      CheckOptions options = test_options();
      options.cases = some_of(100);
      options.shrink_time = std::chrono::milliseconds(200);
      const std::unique_ptr<Subject> subject = make_dtype_subject({pair}, GetParam());
      const LawResult result = check_law(law, *subject, options);
      if (result.kind == Verdict::Kind::violated) violated.push_back(law.name);
    }
    EXPECT_THAT(violated, testing::Not(testing::IsEmpty())) << to_string(pair);
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, DtypeFaults, testing::ValuesIn(dtype_faults()),
                         [](const auto& test) { return name_of(test.param); });

}  // namespace
}  // namespace bncheck::test
