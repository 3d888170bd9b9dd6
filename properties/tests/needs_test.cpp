/// Every law on the exact answer in every value of every knob, and in random combinations of them: no law accuses it,
/// and none is left without cases. A law whose mathematics asks more of a dialect than its `needs` say shows here.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "laws/catalogue.hpp"
#include "report/show_case.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

struct Setting {
  std::string knob, value;
};

/// Values of a knob: every word, and of the numbers none, zero and what is large beside the usual eps.
std::vector<std::string> values_of(const std::string& knob) {
  if (knob == "eps_floor") return {"0", "0.001"};
  if (knob == "backward_eps") return {"none", "0", "0.001"};
  return knob_words(knob);
}

/// Every one but those of PyTorch, in which law_test.cpp has all laws.
std::vector<Setting> all_settings() {
  std::vector<Setting> settings;
  for (const std::string& knob : dialect_knobs()) {
    for (const std::string& value : values_of(knob)) {
      if (value != knob_of(*dialect_named("pytorch"), knob)) settings.push_back({knob, value});
    }
  }
  return settings;
}

std::string explain(const LawResult& result, const Dialect& dialect) {
  std::string text = result.law->name + " in " + text_of(dialect) + " is " +
                     std::string(name_of(result.kind)) + ": " + result.reason + " (seed " +
                     std::to_string(test_seed()) + ")\n";
  if (result.counterexample) text += show_case(*result.counterexample);
  return text;
}

LawResult asked(const Law& law, const Dialect& dialect, int cases) {
  Perfect subject(dialect);
  CheckOptions options = test_options();
  options.cases = law.traits.bulky ? std::max(cases / 10, 1) : cases;
  options.shrink_time = std::chrono::milliseconds(200);
  return check_law(law, subject, options);
}

class EveryLaw : public testing::TestWithParam<Setting> {};

/// Nothing is found, and most cases that are drawn are judged. That no more than a few percent are discarded takes more
/// cases: LawInDialect asks for it in the presets.
void expect_fair(const Law& law, const Dialect& dialect, int cases) {
  const LawResult result = asked(law, dialect, cases);
  EXPECT_FALSE(result.counterexample) << explain(result, dialect);
  if (result.kind == Verdict::Kind::not_applicable) return;
  EXPECT_GT(result.cases, result.discarded) << explain(result, dialect);
}

TEST_P(EveryLaw, HoldsForTheExactAnswerInThisSetting) {
  const Dialect dialect = with_knob(*dialect_named("pytorch"), GetParam().knob, GetParam().value);
  for (const Law& law : all_laws()) expect_fair(law, dialect, some_of(20));
}

INSTANTIATE_TEST_SUITE_P(Knobs, EveryLaw, testing::ValuesIn(all_settings()), [](const auto& test) {
  return test_name(test.param.knob + "_" + test.param.value);
});

/// Of this many combinations, each in a test of its own.
constexpr int combinations = 200;

Dialect random_dialect(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Dialect dialect;
  for (const std::string& knob : dialect_knobs()) {
    const std::vector<std::string> values = values_of(knob);
    dialect = with_knob(std::move(dialect), knob, values[random() % values.size()]);
  }
  return dialect;
}

class EveryLawOnce : public testing::TestWithParam<int> {};

TEST_P(EveryLawOnce, HoldsForTheExactAnswerInARandomDialect) {
  const Dialect dialect = random_dialect(test_seed() + static_cast<std::uint64_t>(GetParam()));
  constexpr int cases = 4;
  for (const Law& law : all_laws()) expect_fair(law, dialect, cases);
}

INSTANTIATE_TEST_SUITE_P(Dialects, EveryLawOnce, testing::Range(0, some_of(combinations)));

TEST(Needs, TheTableHasARowForEachInOrder) {
  std::set<std::string_view> names;
  for (std::size_t k = 0; k < need_table().size(); ++k) {
    EXPECT_EQ(static_cast<std::size_t>(need_table()[k].need), k);
    EXPECT_FALSE(need_table()[k].lack.empty());
    names.insert(need_table()[k].name);
  }
  EXPECT_EQ(names.size(), need_table().size());
}

TEST(Needs, EachIsThatOfALaw) {
  std::set<Need> used;
  for (const Law& law : all_laws()) used.insert(law.needs.begin(), law.needs.end());
  for (const NeedRow& row : need_table()) EXPECT_TRUE(used.contains(row.need)) << row.name;
}

TEST(Needs, TheFirstUnmetOneIsTheReason) {
  Perfect subject(*dialect_named("pytorch"));
  Capabilities can = subject.can();
  const Law law{"law", "", {Need::backward, Need::strided}, {}, {}, {.rejects = ErrorKind::alias}};
  EXPECT_EQ(unmet_need(law, can), std::nullopt);
  can.errors.erase(ErrorKind::alias);
  EXPECT_EQ(unmet_need(law, can), "the subject does not report the error 'alias'");
  can.strided = false;
  EXPECT_EQ(unmet_need(law, can), "the subject takes dense tensors only");
  can.backward = false;
  EXPECT_EQ(unmet_need(law, can), "the subject has no backward pass");
}

}  // namespace
}  // namespace bncheck::test
