/// The arithmetic of the audit, on laws and subjects of a few lines each.

#include "search/audit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "laws/catalogue.hpp"
#include "report/audit_report.hpp"
#include "search/tape.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Subject that answers a case of k features with y = answer(k, number of the run).
class Toy : public Subject {
 public:
  using Answer = std::function<float(std::int64_t, int)>;
  explicit Toy(Answer answer) : answer_(std::move(answer)) {}
  std::string name() const override { return "toy"; }
  std::string version() const override { return "1"; }
  const Capabilities& can() const override { return can_; }
  Outcome run(const Case& c) override {
    Reply reply{Values{}, c.state};
    const float y = answer_(c.config.num_features, ++runs_);
    std::get<Values>(reply.result).outputs.emplace(Output::y, vector_of({y}));
    return {{reply}, std::nullopt};
  }

 private:
  Answer answer_;
  Capabilities can_;
  int runs_ = 0;
};

float right_answer(std::int64_t k, int) {
  return static_cast<float>(k);
}
AuditSubject toy(const std::string& name, const Toy::Answer& answer) {
  return {name, "nowhere", 1, [=] { return std::make_unique<Toy>(answer); }};
}

Case case_of(std::int64_t features) {
  Case c;
  c.config.num_features = features;
  return c;
}
float answer_of(Runner& runner, const Case& c) {
  return std::get<Values>(runner.subject().run(c).replies[0].result).outputs.at(Output::y).floats()[0];
}

/// Law with cases of 1 to 10 features; violated if y is not the number of features; does not apply to the
/// cases in `skips`.
Law toy_law(const std::string& name, LawTraits traits = {}, const std::set<std::int64_t>& skips = {}) {
  return {name,
          "y is the number of features.",
          {},
          [](Draws& draws, const Capabilities&) { return case_of(draws.between(1, 10)); },
          [=](const Case& c, Runner& runner) {
            const float y = answer_of(runner, c);
            if (skips.contains(c.config.num_features)) return Verdict::not_applicable("skipped");
            return y == right_answer(c.config.num_features, 0) ? Verdict{} : Verdict::violated("y is wrong");
          },
          traits};
}

/// Law that always holds.
Law blind_law(const std::string& name) {
  Law law = toy_law(name);
  law.check = [](const Case& c, Runner& runner) {
    answer_of(runner, c);
    return Verdict{};
  };
  return law;
}

struct Plan {
  std::vector<Law> laws;
  std::vector<AuditSubject> faults, controls;
  AuditSubject reference = toy("right", right_answer);

  AuditResult run(AuditOptions options) const {
    AuditPlan plan;
    for (const Law& law : laws) plan.laws.push_back(&law);
    plan.reference = reference;
    plan.faults = faults;
    plan.controls = controls;
    return audit(plan, options);
  }
};

AuditOptions four_seeds() {
  AuditOptions options;
  options.seeds = 4;
  options.cases = 50;
  options.control_cases = 30;
  return options;
}

const AuditSubject always_wrong = toy("always", [](std::int64_t, int) { return -1.0F; });
const AuditSubject wrong_for_seven =
    toy("seven", [](std::int64_t k, int) { return k == 7 ? -1.0F : static_cast<float>(k); });
const AuditSubject never_wrong = toy("never", right_answer);

TEST(Audit, CountsSeedsAndCasesToTheFirstDetection) {
  const Plan plan{{toy_law("law")}, {always_wrong, wrong_for_seven, never_wrong}, {}};
  const AuditResult result = plan.run(four_seeds());
  EXPECT_THAT(result.faults[0][0].first, ElementsAre(1, 1, 1, 1));
  EXPECT_EQ(result.faults[0][0].median(), 1);
  EXPECT_EQ(result.faults[1][0].detected(), 4);
  EXPECT_GT(result.faults[1][0].median(), 1);
  EXPECT_THAT(result.faults[2][0].first, ElementsAre(0, 0, 0, 0));
  EXPECT_TRUE(is_reached(result, 2));
  EXPECT_FALSE(is_triggered(result, 2));
  EXPECT_EQ(score(result), 2.0 / 3);
}

/// The number of the detecting case is the same as in a plain check of the fault.
TEST(Audit, AgreesWithAPlainCheck) {
  const Plan plan{{toy_law("law", {}, {2, 3})}, {wrong_for_seven}, {}};
  const AuditResult result = plan.run(four_seeds());
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const std::unique_ptr<Subject> subject = wrong_for_seven.make();
    Runner runner(*subject);
    int number = 0;
    for (int k = 0;; ++k) {
      RandomDraws draws(case_seed(seed, "law", static_cast<std::uint64_t>(k)), case_size(k, 50));
      const Verdict verdict = check_case(plan.laws[0], plan.laws[0].draw(draws, runner.can()), runner);
      number += verdict.kind == Verdict::Kind::not_applicable ? 0 : 1;
      if (verdict.is_bad()) break;
    }
    EXPECT_EQ(result.faults[0][0].first[seed - 1], number) << seed;
  }
}

TEST(Audit, AMedianIsOverTheSeedsThatDetect) {
  EXPECT_EQ((AuditCell{true, true, {0, 3, 0}}.median()), 3);
  EXPECT_EQ((AuditCell{true, true, {4, 0, 1}}.median()), 2.5);
  EXPECT_EQ((AuditCell{true, true, {9, 2, 5}}.median()), 5);
  EXPECT_EQ((AuditCell{true, true, {0, 0}}.median()), 0);
  EXPECT_EQ((AuditCell{true, true, {0, 3, 1}}.detected()), 2);
}

TEST(Audit, TriggeredButUndetectedIsSaidAloud) {
  const Plan plan{{blind_law("blind")}, {always_wrong}, {}};
  const AuditResult result = plan.run(four_seeds());
  EXPECT_TRUE(is_triggered(result, 0));
  EXPECT_EQ(detected_seeds(result, 0), 0);
  EXPECT_FALSE(is_clean(result));
  EXPECT_THAT(audit_table({result, {}, "", ""}), HasSubstr("TRIGGERED BUT UNDETECTED: fault:always"));
}

TEST(Audit, TheSecondScoreLeavesOutTheExactLaws) {
  const Plan plan{{toy_law("exact", {false, true}), toy_law("blind_to_seven", {}, {7})},
                  {always_wrong, wrong_for_seven},
                  {}};
  const AuditResult result = plan.run(four_seeds());
  EXPECT_EQ(score(result), 1);
  EXPECT_EQ(score(result, Counted::without_exact), 0.5);
  EXPECT_EQ(detected_seeds(result, 1, Counted::without_exact), 0);
}

TEST(Audit, SoleKillsAreThoseOfNoOtherLaw) {
  const Plan plan{{toy_law("all"), toy_law("blind_to_seven", {}, {7})}, {always_wrong, wrong_for_seven}, {}};
  const AuditResult result = plan.run(four_seeds());
  EXPECT_THAT(kills(result, 0), ElementsAre(0, 1));
  EXPECT_THAT(sole_kills(result, 0), ElementsAre(1));
  EXPECT_THAT(kills(result, 1), ElementsAre(0));
  EXPECT_THAT(sole_kills(result, 1), IsEmpty());
  EXPECT_THAT(sure_laws(result, 1), ElementsAre(0));
}

TEST(Audit, TheQuickestLawHasSmallCasesIfOneDetectsAsMuch) {
  const LawTraits bulky{true, false};
  const std::vector<AuditSubject> faults{always_wrong};
  EXPECT_EQ(quickest_law(Plan{{toy_law("bulky", bulky), toy_law("small")}, faults, {}}.run(four_seeds()), 0),
            1U);
  EXPECT_EQ(
      quickest_law(Plan{{toy_law("bulky", bulky), blind_law("blind")}, faults, {}}.run(four_seeds()), 0), 0U);
  EXPECT_EQ(quickest_law(Plan{{blind_law("blind")}, faults, {}}.run(four_seeds()), 0), std::nullopt);
}

TEST(Audit, ALawWithLargeCasesRunsATenthOfThem) {
  EXPECT_EQ(cases_for(toy_law("small"), 100), 100);
  EXPECT_EQ(cases_for(toy_law("bulky", {true, false}), 100), 10);
  EXPECT_EQ(cases_for(toy_law("bulky", {true, false}), 3), 2);
}

TEST(Audit, CountsAlarmsOfControlsAndKeepsTheFirst) {
  const Plan plan{{toy_law("law")}, {}, {never_wrong, always_wrong}};
  const AuditResult result = plan.run(four_seeds());
  EXPECT_EQ(total(result.controls[0]).cases, 30);
  EXPECT_EQ(total(result.controls[0]).alarms, 0);
  EXPECT_EQ(total(result.controls[1]).alarms, 30);
  ASSERT_EQ(first_alarms(result).size(), 1U);
  EXPECT_EQ(first_alarms(result)[0].subject, "always");
  EXPECT_EQ(alarms(result), 30);
  EXPECT_EQ(score(result), 1);
  EXPECT_FALSE(is_clean(result));
  EXPECT_THAT(audit_table({result, {}, "", ""}),
              HasSubstr("ALARM: control:always accused by law: y is wrong"));
}

/// A case that the reference fails is an alarm, and does not count as the detection of a fault.
TEST(Audit, AnAccusedReferenceConvictsNobody) {
  const AuditSubject otherwise_wrong =
      toy("otherwise", [](std::int64_t k, int) { return k == 7 ? -2.0F : static_cast<float>(k); });
  Plan plan{{toy_law("law")}, {otherwise_wrong, always_wrong}, {}};
  plan.reference = wrong_for_seven;
  const AuditResult result = plan.run(four_seeds());
  EXPECT_GT(total(result.reference).alarms, 0);
  EXPECT_EQ(result.faults[0][0].detected(), 0);
  EXPECT_EQ(result.faults[1][0].detected(), 4);
  EXPECT_FALSE(is_clean(result));
}

TEST(Audit, DiscardsAreNoCases) {
  const Plan plan{{toy_law("law", {}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})}, {always_wrong}, {never_wrong}};
  const AuditResult result = plan.run(four_seeds());
  EXPECT_EQ(total(result.controls[0]).cases, 0);
  EXPECT_FALSE(is_reached(result, 0));
}

TEST(Audit, TheResultDoesNotDependOnTheJobs) {
  const Plan plan{{toy_law("a"), toy_law("b", {}, {7}), blind_law("c")},
                  {always_wrong, wrong_for_seven, never_wrong},
                  {never_wrong, wrong_for_seven}};
  AuditOptions options = four_seeds();
  const std::string one = audit_json({plan.run(options), {}, "", ""});
  options.jobs = 3;
  EXPECT_EQ(audit_json({plan.run(options), {}, "", ""}), one);
}

TEST(Audit, ALawThatThrowsIsAnAlarmOfItsOwn) {
  Law law = toy_law("law");
  law.check = [](const Case&, Runner&) -> Verdict { throw std::runtime_error("broken"); };
  AuditOptions options = four_seeds();
  options.jobs = 2;
  const Plan plan{{law, toy_law("sane")}, {always_wrong}, {}};
  const AuditResult result = plan.run(options);
  EXPECT_GT(result.reference[0].alarms, 0);
  EXPECT_EQ(result.reference[0].first->message, "it cannot be judged: broken");
  EXPECT_EQ(result.reference[1].alarms, 0);
}

/// A fault that is wrong in every second run is the same subject after a replay: it has run as often as in a
/// plain check.
TEST(Audit, AFaultThatAlternatesKeepsCount) {
  const AuditSubject alternating = toy(
      "alternating", [](std::int64_t k, int run) { return static_cast<float>(k + (run % 4 == 0 ? 1 : 0)); });
  Law law = toy_law("twice");
  law.check = [](const Case& c, Runner& runner) {
    const float first = answer_of(runner, c);
    return first == answer_of(runner, c) ? Verdict{} : Verdict::violated("two runs differ");
  };
  const Plan plan{{law}, {alternating}, {}};
  const AuditResult result = plan.run(four_seeds());
  EXPECT_THAT(result.faults[0][0].first, ElementsAre(2, 2, 2, 2));
}

TEST(Audit, CasesGrowAndSeedsShareNone) {
  EXPECT_EQ(case_size(0, 100), 5);
  EXPECT_EQ(case_size(99, 100), 100);
  EXPECT_EQ(case_size(199, 100), 100);
  EXPECT_EQ(case_size(0, 1), 100);
  std::set<std::uint64_t> seeds;
  for (const char* law : {"a", "b"}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      for (std::uint64_t k = 0; k < 20; ++k) seeds.insert(case_seed(seed, law, k));
    }
  }
  EXPECT_EQ(seeds.size(), 800U);
}

TEST(Tape, TellsOutcomesApart) {
  const Reply values{Values{{{Output::y, vector_of({1})}}}, {}};
  const Reply other{Values{{{Output::y, vector_of({2})}}}, {}};
  Reply counted = values;
  counted.state.num_batches_tracked = 1;
  const Reply refused{Failure{ErrorKind::rank, "a", false}, {}};
  const Reply reworded{Failure{ErrorKind::rank, "b", false}, {}};
  const Reply written{Failure{ErrorKind::rank, "a", true}, {}};
  EXPECT_TRUE(same_outcome({{values}, {}}, {{values}, {}}));
  EXPECT_TRUE(same_outcome({{refused}, {}}, {{reworded}, {}}));
  EXPECT_FALSE(same_outcome({{refused}, {}}, {{written}, {}}));
  EXPECT_FALSE(same_outcome({{values}, {}}, {{other}, {}}));
  EXPECT_FALSE(same_outcome({{values}, {}}, {{counted}, {}}));
  EXPECT_FALSE(same_outcome({{values}, {}}, {{refused}, {}}));
  EXPECT_FALSE(same_outcome({{values}, {}}, {{values}, Death{}}));
}

// ---- reports

TEST(AuditReport, JsonSaysWhatTheCellsSay) {
  const Plan plan{
      {toy_law("exact", {false, true}), blind_law("blind")}, {always_wrong, never_wrong}, {never_wrong}};
  const AuditResult result = plan.run(four_seeds());
  const nlohmann::json json = nlohmann::json::parse(audit_json({result, {}, "the command", "1.2"}));
  EXPECT_EQ(json.at("schema"), "bncheck-audit-1");
  EXPECT_EQ(json.at("command"), "the command");
  EXPECT_EQ(json.at("score"), 0.5);
  EXPECT_EQ(json.at("score_without_oracle"), 0);
  const nlohmann::json& fault = json.at("faults").at(0);
  EXPECT_EQ(fault.at("name"), "always");
  EXPECT_EQ(fault.at("source"), "nowhere");
  EXPECT_EQ(fault.at("detected"), 4);
  EXPECT_EQ(fault.at("detected_of"), 4);
  EXPECT_EQ(fault.at("laws"), nlohmann::json({"exact"}));
  EXPECT_EQ(fault.at("counts"), nlohmann::json({{"exact", 4}}));
  EXPECT_EQ(fault.at("median_cases"), 1);
  EXPECT_TRUE(json.at("faults").at(1).at("median_cases").is_null());
  EXPECT_EQ(json.at("controls").at(1), nlohmann::json({{"name", "never"}, {"cases", 60}, {"alarms", 0}}));
  EXPECT_EQ(json.at("laws").at(0).at("sole_kills"), nlohmann::json({"always"}));
  EXPECT_EQ(json.at("laws").at(1).at("sole_kills"), nlohmann::json::array());
}

TEST(AuditReport, ThePageHasTheMatrix) {
  Law other_subjects = toy_law("other");
  other_subjects.needs = {Need::canonical_bits};
  const Plan plan{
      {toy_law("some_law"), blind_law("blind"), other_subjects}, {always_wrong, never_wrong}, {never_wrong}};
  const AuditResult result = plan.run(four_seeds());
  const std::string page = audit_page({result, {}, "the command", "1.2"});
  EXPECT_THAT(page, HasSubstr("`the command` (bncheck 1.2), seeds 1 to 4"));
  EXPECT_THAT(page, HasSubstr("| always | 1 | 4 | 4 | 1 | 1 | 4 | | |\n"));
  EXPECT_THAT(page, HasSubstr("| never | 1 | 0 | 0 |  |  | | | |\n"));
  EXPECT_THAT(page, HasSubstr("| 1 | some\\_law |  | 1 | always |  |\n"));
  EXPECT_THAT(page, HasSubstr("| 3 | other |  | applies to no variant |  |  |\n"));
  EXPECT_THAT(page, HasSubstr("| 2 | blind |  | 0 |  |  |\n"));
  EXPECT_THAT(page, HasSubstr("| never | 60 | 0 |\n"));
  EXPECT_THAT(page, Not(HasSubstr("smallest case")));
}

// ---- shrunk cases

TEST(AuditShrunk, IsTheCaseThatTheQuickestLawEndsAt) {
  const Law* law = law_named("matches_oracle");
  AuditPlan plan = whole_audit();
  plan.laws = {law};
  plan.controls.clear();
  std::erase_if(plan.faults, [](const AuditSubject& fault) { return fault.name != "eps_fixed"; });
  ASSERT_EQ(plan.faults.size(), 1U);
  AuditOptions options;
  options.seeds = 1;
  options.cases = 20;
  AuditReport report{audit(plan, options), {}, "", ""};
  report.shrunk = shrink_faults(report.result, std::chrono::seconds(2));
  ASSERT_TRUE(report.shrunk[0].content);
  EXPECT_EQ(report.shrunk[0].law, law);
  EXPECT_TRUE(report.shrunk[0].verdict.is_bad());
  EXPECT_THAT(audit_table(report), HasSubstr("eps_fixed: matches_oracle, "));
  EXPECT_THAT(audit_page(report), HasSubstr("smallest case"));
}

TEST(AuditShrunk, ExtentIsOfTheLargestInput) {
  Case c = forward_case(true, {2, 3, 4}, std::vector<float>(24));
  EXPECT_EQ(extent(c).channels, 3);
  EXPECT_EQ(extent(c).values, 8);
  EXPECT_FALSE(is_small(c));
  EXPECT_TRUE(is_small(forward_case(true, {8, 2}, std::vector<float>(16))));
  EXPECT_FALSE(is_small(forward_case(true, {9, 2}, std::vector<float>(18))));
  c.calls[0].operation = Forward{true, Tensor::of({5}, std::vector<float>(5))};
  EXPECT_EQ(extent(c).values, 5);
}

}  // namespace
}  // namespace bncheck::test
