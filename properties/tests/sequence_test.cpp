/// Findings that show only after other cases: a subject that keeps something from call to call.

#include "search/sequence.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "bncheck/check_laws.hpp"
#include "laws/catalogue.hpp"
#include "subjects/variants/variants.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

/// A faulty variant that is made anew after its end, as a program in a process of its own is.
class Restarted : public Subject {
 public:
  explicit Restarted(const char* fault) : fault_(fault), subject_(variants::make_fault(fault)) {}
  std::string name() const override { return subject_->name(); }
  std::string version() const override { return subject_->version(); }
  const Capabilities& can() const override { return subject_->can(); }
  Outcome run(const Case& c) override { return subject_->run(c); }
  bool starts_afresh() const override { return true; }
  std::optional<Death> finish() override {
    subject_ = variants::make_fault(fault_);
    return std::nullopt;
  }

 private:
  const char* fault_;
  std::unique_ptr<Subject> subject_;
};

LawResult finding(Subject& subject, const char* law) {
  CheckOptions options = test_options();
  options.cases = 200;
  return check_law(*law_named(law), subject, options);
}

bool shows(const char* fault, const char* law, const std::vector<Case>& before, const Case& c) {
  Restarted subject(fault);
  Runner runner(subject);
  for (const Case& earlier : before) settled([&] { return runner.run(earlier), Verdict(); });
  return check_case(*law_named(law), c, runner).is_bad();
}

struct Keeping {
  const char *fault, *law;
};
class Sequences : public testing::TestWithParam<Keeping> {};

TEST_P(Sequences, AreFoundAndShort) {
  const auto [fault, law] = GetParam();
  Restarted subject(fault);
  const LawResult result = finding(subject, law);
  ASSERT_TRUE(result.counterexample);
  EXPECT_TRUE(result.needs_others);
  EXPECT_FALSE(result.flaky()) << result.reason;
  ASSERT_EQ(result.before.size(), 1U) << result.reason;
  EXPECT_TRUE(result.reason.starts_with("only after 1 other case: ")) << result.reason;
  EXPECT_FALSE(shows(fault, law, {}, *result.counterexample));
  EXPECT_TRUE(shows(fault, law, result.before, *result.counterexample));
}

INSTANTIATE_TEST_SUITE_P(Faults, Sequences,
                         testing::Values(Keeping{"layout_of_shape_kept", "matches_oracle"},
                                         Keeping{"sum_keeps_a_term", "matches_oracle"}),
                         [](const auto& test) { return std::string(test.param.fault); });

/// The second of them is drawn as a case that fails only after another, and shrinks into one with two calls.
TEST(Sequence, AFaultThatOneCaseCanShowNeedsNoOthers) {
  for (const auto& [fault, law] : {Keeping{"running_var_biased", "matches_oracle"},
                                   Keeping{"gradient_accumulates", "backward_matches_oracle"}}) {
    Restarted subject(fault);
    const LawResult result = finding(subject, law);
    ASSERT_TRUE(result.counterexample);
    EXPECT_FALSE(result.needs_others) << result.reason;
    EXPECT_TRUE(result.before.empty());
    EXPECT_TRUE(shows(fault, law, {}, *result.counterexample)) << fault;
  }
}

/// Cases by their number of features.
Case numbered(std::int64_t k) {
  Case c;
  c.config.num_features = k;
  return c;
}
std::vector<std::int64_t> numbers(const std::vector<Case>& cases) {
  std::vector<std::int64_t> all;
  for (const Case& c : cases) all.push_back(c.config.num_features);
  return all;
}

/// GoogleTest writes the sequence, and runs all of it again.
TEST(Sequence, IsRunAgainFromItsFile) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "bncheck_sequence";
  std::filesystem::remove_all(folder);
  Restarted subject("sum_keeps_a_term");
  const LawCheck found = check_law(subject, "matches_oracle", {200, test_seed(), folder.string(), {}});
  ASSERT_TRUE(std::filesystem::exists(found.case_file)) << found.report;
  LawCheckOptions again;
  again.case_file = found.case_file;
  Restarted fresh("sum_keeps_a_term");
  EXPECT_TRUE(check_law(fresh, "matches_oracle", again).fails);
  std::filesystem::remove_all(folder);
}

TEST(History, IsThatBeforeAMarkAndDropsTheOldest) {
  History history;
  Case small = forward_case(true, {2, 1}, {1, 2});
  history.add(small);
  const std::size_t mark = history.mark();
  history.add(small);
  EXPECT_EQ(history.before(mark).size(), 1U);
  EXPECT_EQ(history.before(history.mark()).size(), 2U);
  const Case large = forward_case(true, {1 << 20, 1}, std::vector<float>(1 << 20));  // 4 MiB
  for (int k = 0; k < 20; ++k) history.add(large);
  EXPECT_TRUE(history.before(mark).empty());
  EXPECT_LE(history.before(history.mark()).size(), 16U);
  EXPECT_GE(history.before(history.mark()).size(), 15U);
  history.clear();
  EXPECT_EQ(history.mark(), 0U);
}

TEST(Sequence, KeepsTheOrderAndLeavesOutTheRest) {
  std::vector<Case> ran;
  for (std::int64_t k = 0; k < 100; ++k) ran.push_back(numbered(k));
  const auto needs = [](std::vector<std::int64_t> wanted) {
    return [wanted](const std::vector<Case>& cases) {
      const std::vector<std::int64_t> have = numbers(cases);
      auto at = have.begin();
      for (const std::int64_t k : wanted) {
        at = std::find(at, have.end(), k);
        if (at == have.end()) return false;
      }
      return true;
    };
  };
  const auto end = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_EQ(numbers(*cases_needed(ran, needs({17, 80}), end)), (std::vector<std::int64_t>{17, 80}));
  EXPECT_EQ(numbers(*cases_needed(ran, needs({99}), end)), std::vector<std::int64_t>{99});
  EXPECT_EQ(cases_needed(ran, needs({100}), end), std::nullopt);
}

}  // namespace
}  // namespace bncheck::test
