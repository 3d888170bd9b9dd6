#pragma once
/// Every law as a GoogleTest of its own:
///
///   int main(int argc, char** argv) {
///     testing::InitGoogleTest(&argc, argv);
///     bncheck::register_laws("MyBatchNorm", [] { return std::make_unique<MyBatchNorm>(); });
///     return RUN_ALL_TESTS();
///   }
///
/// A law that does not apply to the subject is skipped, with the reason. Two environment variables help to
/// examine a failure: BNCHECK_SEED draws other cases, BNCHECK_CASE runs one case file again. Findings in the file
/// BNCHECK_BASELINE fail nothing; with BNCHECK_UPDATE_BASELINE=1 those of this run are written into it.

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "bncheck/check_laws.hpp"

namespace bncheck {

using SubjectMaker = std::function<std::unique_ptr<Subject>()>;

/// Test of one law.
class LawTest : public testing::Test {
 public:
  LawTest(std::string suite, std::string law, SubjectMaker make, LawCheckOptions options)
      : suite_(std::move(suite)),
        law_(std::move(law)),
        make_(std::move(make)),
        options_(std::move(options)) {}

  void TestBody() override {
    if (const char* seed = std::getenv("BNCHECK_SEED")) options_.seed = std::strtoull(seed, nullptr, 10);
    if (const char* file = std::getenv("BNCHECK_CASE")) options_.case_file = file;
    if (const char* file = std::getenv("BNCHECK_BASELINE")) options_.baseline = file;
    if (const char* update = std::getenv("BNCHECK_UPDATE_BASELINE"); update != nullptr && *update == '1')
      options_.update_baseline = !options_.baseline.empty();
    const std::unique_ptr<Subject> subject = make_();
    const LawCheck check = check_law(*subject, law_, options_);
    RecordProperty("cases", check.cases);
    // The law does not apply to the subject, which is neither a success nor a failure; the report has the
    // reason.
    if (check.verdict == Verdict::Kind::not_applicable) GTEST_SKIP() << check.report;
    if (!check.rank.empty()) RecordProperty("rank", check.rank);
    // What the claim does not promise is shown and fails nothing.
    if (!check.rank.empty() && !check.fails)
      GTEST_SKIP() << (check.known ? "known, " : "") << check.rank << ": " << check.report
                   << replay_line(check);
    if (check.verdict == Verdict::Kind::holds) return;
    FAIL() << check.report << replay_line(check);
  }

 private:
  std::string replay_line(const LawCheck& check) const {
    if (check.case_file.empty()) return "";
#ifdef __GLIBC__
    const std::string program = program_invocation_name;
#else
    const std::string program = "PROGRAM";
#endif
    return "replay: BNCHECK_CASE='" + check.case_file + "' " + program + " --gtest_filter='" + suite_ + "." +
           law_ + "'\n";
  }

  std::string suite_, law_;
  SubjectMaker make_;
  LawCheckOptions options_;
};

/// Registers one test per law that matches `pattern`. Must be called before RUN_ALL_TESTS. Each test makes a
/// subject.
inline void register_laws(const std::string& suite, const SubjectMaker& make,
                          const LawCheckOptions& options = {}, const std::string& pattern = "*") {
  for (const std::string& law : law_names(pattern)) {
    testing::RegisterTest(suite.c_str(), law.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [=]() -> testing::Test* { return new LawTest(suite, law, make, options); });
  }
}

}  // namespace bncheck
