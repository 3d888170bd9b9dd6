/// The store of failures: saved cases come back for their law, those of the same subject first; a damaged
/// file gives one line.

#include "search/failure_store.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "laws/catalogue.hpp"
#include "search/check_law.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

class Store : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path store(const Case& c, const std::string& subject,
                              const std::string& law = "zero_mean") {
    return store_failure(folder_, {c, {{"law", law}, {"subject", subject}, {"dialect", "pytorch"}}});
  }

  const std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) / "bncheck_store" /
                                        testing::UnitTest::GetInstance()->current_test_info()->name() /
                                        "below";
  const Law& law_ = *law_named("zero_mean");
  const Case first_ = forward_case(true, {2, 1}, {1, 2});
  const Case second_ = forward_case(true, {2, 1}, {1, 3});
};

TEST_F(Store, NoFolderIsAnEmptyStore) {
  const FailureStore store(folder_);
  EXPECT_TRUE(store.cases_for(law_, "bn", "pytorch").empty());
  EXPECT_TRUE(store.warnings().empty());
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

TEST_F(Store, GivesBackTheCasesOfALawThoseOfTheSubjectFirst) {
  store(first_, "a");
  store(second_, "torch");
  store(second_, "torch", "variance");
  const FailureStore read(folder_);
  const auto cases = read.cases_for(law_, "torch", "pytorch");
  ASSERT_EQ(cases.size(), 2U);
  EXPECT_EQ(cases[0].content, second_);
  EXPECT_TRUE(cases[0].of_this_subject);
  EXPECT_EQ(cases[1].content, first_);
  EXPECT_FALSE(cases[1].of_this_subject);
  EXPECT_FALSE(read.cases_for(law_, "torch", "keras")[0].of_this_subject);
}

/// A file is named after what the subject calls itself; two subjects of one such name have files of their own.
TEST_F(Store, NamesAFileAfterTheSubjectsOwnName) {
  const auto stored = [&](const char* subject) {
    return store_failure(folder_,
                         {first_, {{"law", "zero_mean"}, {"subject", subject}, {"name", "my kernel"}}});
  };
  const auto one = stored("plugin:./one.so");
  EXPECT_THAT(one.filename().string(), testing::StartsWith("zero_mean-my_kernel-"));
  EXPECT_NE(stored("plugin:./two.so"), one);
  EXPECT_EQ(stored("plugin:./one.so"), one);
  EXPECT_THAT(store(first_, "a").filename().string(), testing::StartsWith("zero_mean-a-"));
}

TEST_F(Store, GivesBackTheCasesThatRunBeforeAnother) {
  const std::vector<Case> before{second_, first_, second_};
  const auto path = store_failure(
      folder_, {first_, {{"law", "zero_mean"}, {"subject", "a"}, {"dialect", "pytorch"}}}, before);
  const FailureStore read(folder_);
  EXPECT_THAT(read.warnings(), testing::IsEmpty());
  const auto cases = read.cases_for(law_, "a", "pytorch");
  ASSERT_EQ(cases.size(), 1U);
  EXPECT_EQ(cases[0].content, first_);
  EXPECT_EQ(cases[0].before, before);
  EXPECT_EQ(cases_before(path, load_case(path)), before);

  std::filesystem::remove(folder_ / (path.stem().string() + ".before-2.safetensors"));
  const FailureStore damaged(folder_);
  EXPECT_TRUE(damaged.cases_for(law_, "a", "pytorch").empty());
  ASSERT_EQ(damaged.warnings().size(), 1U);
  EXPECT_THAT(damaged.warnings()[0], testing::HasSubstr(".before-2.safetensors"));
}

TEST_F(Store, TakesNoCaseBeforeAnotherFromElsewhere) {
  const CaseFile file{first_, {{"law", "zero_mean"}, {"subject", "a"}, {"after", "../other.safetensors"}}};
  EXPECT_THROW(cases_before(store_failure(folder_, file), file), std::runtime_error);
}

TEST_F(Store, TheSameCaseGetsTheSameName) {
  const auto path = store(first_, "exec:python3 'it'");
  EXPECT_EQ(store(first_, "exec:python3 'it'"), path);
  EXPECT_NE(store(second_, "exec:python3 'it'"), path);
  EXPECT_THAT(path.filename().string(),
              testing::MatchesRegex("zero_mean-exec_python3__it_-[0-9a-f]+\\.safetensors"));
}

TEST_F(Store, OneWarningForEachFileThatIsNoUse) {
  store(first_, "bn", "unheard_of");
  store(first_, "bn");
  std::ofstream(folder_ / "damaged.safetensors") << "no case";
  std::ofstream(folder_ / "notes.txt") << "not looked at";
  save_case(folder_ / "lawless.safetensors", {first_, {}});
  const FailureStore read(folder_);
  EXPECT_THAT(read.warnings(),
              testing::UnorderedElementsAre(testing::HasSubstr("damaged.safetensors"),
                                            testing::HasSubstr("names no law"),
                                            testing::HasSubstr("names the unknown law 'unheard_of'")));
  EXPECT_EQ(read.cases_for(law_, "bn", "pytorch").size(), 1U);
}

TEST_F(Store, StoredCasesRunFirstAndDoNotCountAsCases) {
  Perfect subject(*dialect_named("pytorch"));
  CheckOptions options = test_options();
  options.cases = 3;
  // The law does not apply to the second case, and the third has no answer.
  Case unanswerable = first_;
  std::get<Forward>(unanswerable.calls[0].operation).x.shape = {std::int64_t{1} << 40, std::int64_t{1} << 40};
  options.stored = {
      {first_, true}, {forward_case(false, {2, 1}, {1, 2}), true}, {unanswerable, true}, {second_, false}};
  const LawResult result = check_law(law_, subject, options);
  EXPECT_EQ(result.kind, Verdict::Kind::holds);
  EXPECT_EQ(result.cases, 3);
  EXPECT_EQ(result.stored, 2);
  EXPECT_EQ(result.held_again, 1);
}

}  // namespace
}  // namespace bncheck::test
