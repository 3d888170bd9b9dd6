/// Each law finds the wrong BatchNorms that it must find, within the number of cases of a check.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "laws/catalogue.hpp"
#include "spoiler.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

struct Kill {
  const Spoiler* spoiler;
  std::string law;
};

std::vector<Kill> expected_kills() {
  std::vector<Kill> kills;
  for (const Spoiler& spoiler : all_spoilers()) {
    for (const std::string& law : spoiler.laws) kills.push_back({&spoiler, law});
  }
  return kills;
}

class LawStrength : public testing::TestWithParam<Kill> {};

TEST_P(LawStrength, FindsTheFault) {
  const Law* law = law_named(GetParam().law);
  ASSERT_NE(law, nullptr) << "no law is named " << GetParam().law;
  const std::unique_ptr<Subject> subject = spoiled(*GetParam().spoiler);
  CheckOptions options = test_options();
  // Only detection is tested here, not the size of the case.
  options.shrink_time = std::chrono::milliseconds(0);
  const LawResult result = check_law(*law, *subject, options);
  EXPECT_EQ(result.kind, Verdict::Kind::violated)
      << law->name << " says '" << name_of(result.kind) << "' of '" << subject->name() << "' after "
      << result.cases << " cases: " << result.reason;
  EXPECT_FALSE(result.reason.empty());
}

INSTANTIATE_TEST_SUITE_P(Laws, LawStrength, testing::ValuesIn(expected_kills()), [](const auto& test) {
  return test.param.law + "__" + test_name(test.param.spoiler->name);
});

TEST(Spoilers, EveryLawHasAFaultToFind) {
  std::set<std::string> covered;
  for (const Kill& kill : expected_kills()) covered.insert(kill.law);
  for (const Law& law : all_laws()) EXPECT_TRUE(covered.contains(law.name)) << law.name;
}

/// A spoiler that changes nothing is a right BatchNorm.
TEST(Spoilers, NothingIsFoundWhereNothingIsSpoiled) {
  const Spoiler none{"nothing", {}, [](const Spoiling&) {}};
  for (const Law& law : all_laws()) {
    const std::unique_ptr<Subject> subject = spoiled(none);
    CheckOptions options = test_options();
    options.cases = some_of(60);
    const LawResult result = check_law(law, *subject, options);
    EXPECT_TRUE(holds(result)) << law.name << ": " << result.reason;
  }
}

}  // namespace
}  // namespace bncheck::test
