/// The laws as the program of a user calls them.

#include "bncheck/check_laws.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>

#include "laws/catalogue.hpp"
#include "subjects/registry.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class CheckLaws : public testing::Test {
 protected:
  CheckLaws() : folder_(fs::path(testing::TempDir()) / test_name(info())) { fs::remove_all(folder_); }
  ~CheckLaws() override { fs::remove_all(folder_); }

  LawCheckOptions options() const { return {20, test_seed(), folder_.string(), {}}; }

  /// A running variance with divisor n violates this law for every batch of two or more values.
  static constexpr const char* law = "matches_oracle";
  std::unique_ptr<Subject> faulty_ = make_subject("fault:running_var_biased");
  Perfect right_{*dialect_named("pytorch")};
  fs::path folder_;

 private:
  static std::string info() {
    const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
    return std::string(test->test_suite_name()) + "_" + test->name();
  }
};

TEST_F(CheckLaws, ALawThatHolds) {
  const LawCheck check = check_law(right_, law, options());
  EXPECT_EQ(check.verdict, Verdict::Kind::holds) << check.report;
  EXPECT_EQ(check.cases, 20);
  EXPECT_EQ(check.report, "");
  EXPECT_EQ(check.case_file, "");
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(CheckLaws, AViolatedOneComesWithItsCaseWhichIsRunAgain) {
  const LawCheck check = check_law(*faulty_, law, options());
  ASSERT_EQ(check.verdict, Verdict::Kind::violated);
  EXPECT_THAT(check.report, HasSubstr(check.statement));
  EXPECT_THAT(check.report, HasSubstr("running_var"));
  EXPECT_THAT(check.report, HasSubstr("the smallest case found:\n"));
  ASSERT_TRUE(fs::exists(check.case_file));

  LawCheckOptions again = options();
  again.case_file = check.case_file;
  const LawCheck replayed = check_law(*faulty_, law, again);
  EXPECT_EQ(replayed.verdict, Verdict::Kind::violated);
  EXPECT_EQ(replayed.report, check.report);
  EXPECT_EQ(replayed.case_file, check.case_file);
  EXPECT_EQ(check_law(right_, law, again).verdict, Verdict::Kind::holds);
  EXPECT_EQ(check_law(right_, "backward_matches_oracle", again).verdict, Verdict::Kind::not_applicable);
}

TEST_F(CheckLaws, AKnownViolationFailsNothing) {
  fs::create_directories(folder_);
  LawCheckOptions known = options();
  known.baseline = (folder_ / "known.json").string();
  EXPECT_THROW(check_law(*faulty_, law, known), std::runtime_error);
  known.update_baseline = true;
  EXPECT_TRUE(check_law(*faulty_, law, known).known);
  known.update_baseline = false;
  const LawCheck check = check_law(*faulty_, law, known);
  EXPECT_EQ(check.verdict, Verdict::Kind::violated);
  EXPECT_EQ(check.rank, "wrong");
  EXPECT_TRUE(check.known);
  EXPECT_FALSE(check.fails);
  EXPECT_EQ(check.case_file, "");
  const LawCheck other = check_law(*make_subject("fault:eps_fixed"), law, known);
  EXPECT_FALSE(other.known);
  EXPECT_TRUE(other.fails);
}

TEST_F(CheckLaws, NothingIsWrittenWithoutAFolder) {
  LawCheckOptions nowhere = options();
  nowhere.folder.clear();
  const LawCheck check = check_law(*faulty_, law, nowhere);
  EXPECT_EQ(check.verdict, Verdict::Kind::violated);
  EXPECT_EQ(check.case_file, "");
}

TEST_F(CheckLaws, ALawThatIsNotAboutTheSubjectSaysWhy) {
  const LawCheck check = check_law(*faulty_, "canonical_zero_and_nan", options());
  EXPECT_EQ(check.verdict, Verdict::Kind::not_applicable);
  EXPECT_THAT(check.report, HasSubstr("which zero"));
}

/// Right, and dies when it is let go.
class EndsBadly : public Perfect {
 public:
  EndsBadly() : Perfect(*dialect_named("pytorch")) {}
  std::optional<Death> finish() override { return Death{Death::Cause::signal, "SIGABRT", {}}; }
};

TEST_F(CheckLaws, ASubjectThatDiesAtItsEndHasDied) {
  EndsBadly subject;
  const LawCheck check = check_law(subject, law, options());
  EXPECT_EQ(check.law, law);
  EXPECT_EQ(check.verdict, Verdict::Kind::died);
  EXPECT_THAT(check.report, HasSubstr("at its end the subject died: SIGABRT"));
  EXPECT_TRUE(fs::exists(check.case_file));

  LawCheckOptions again = options();
  again.case_file = check.case_file;
  const LawCheck replayed = check_law(subject, law, again);
  EXPECT_EQ(replayed.verdict, Verdict::Kind::died);
  EXPECT_THAT(replayed.report, HasSubstr("at its end the subject died: SIGABRT"));
}

TEST_F(CheckLaws, TheEndOfManyLawsIsOne) {
  EndsBadly subject;
  const std::vector<LawCheck> checks = check_all_laws(subject, options(), "momentum_*");
  ASSERT_EQ(checks.size(), law_names("momentum_*").size() + 1);
  EXPECT_EQ(checks.front().verdict, Verdict::Kind::holds) << checks.front().report;
  EXPECT_EQ(checks.back().law, "ends_in_order");
  EXPECT_EQ(checks.back().verdict, Verdict::Kind::died);
}

TEST_F(CheckLaws, AViolationIsNotHiddenByTheEnd) {
  class Both : public EndsBadly {
   public:
    Outcome run(const Case& c) override { return faulty_->run(c); }

   private:
    std::unique_ptr<Subject> faulty_ = make_subject("fault:running_var_biased");
  } subject;
  const LawCheck check = check_law(subject, law, options());
  EXPECT_EQ(check.verdict, Verdict::Kind::violated);
  EXPECT_THAT(check.report, HasSubstr("is not the exact result"));
}

TEST_F(CheckLaws, ByPatternInTheOrderOfTheCatalogue) {
  EXPECT_EQ(law_names().size(), all_laws().size());
  const std::vector<std::string> names = law_names("momentum_*");
  ASSERT_GT(names.size(), 2U);
  const std::vector<LawCheck> checks = check_all_laws(right_, options(), "momentum_*");
  ASSERT_EQ(checks.size(), names.size());
  for (std::size_t k = 0; k < names.size(); ++k) EXPECT_EQ(checks[k].law, names[k]);
}

TEST_F(CheckLaws, RefusesWhatIsNotThere) {
  EXPECT_THROW(check_law(right_, "no_such_law"), std::invalid_argument);
  LawCheckOptions missing = options();
  missing.case_file = (folder_ / "none").string();
  EXPECT_THROW(check_law(right_, law, missing), std::runtime_error);
}

}  // namespace
}  // namespace bncheck::test
