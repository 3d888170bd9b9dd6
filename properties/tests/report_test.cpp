/// The reports for shells, readers and programs.

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "laws/catalogue.hpp"
#include "report/console.hpp"
#include "report/html_report.hpp"
#include "report/json.hpp"
#include "report/show_case.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

TEST(ShellQuoted, LeavesPlainWordsAlone) {
  for (const char* word : {"bn", "a/b-c_d.safetensors", "--dialect", "x=1,2%+@:"}) {
    EXPECT_EQ(shell_quoted(word), word);
  }
}

TEST(ShellQuoted, QuotesWhatAShellWouldRead) {
  EXPECT_EQ(shell_quoted(""), "''");
  EXPECT_EQ(shell_quoted("a b"), "'a b'");
  EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quoted("$HOME"), "'$HOME'");
  EXPECT_EQ(shell_quoted("~"), "'~'");
}

/// A POSIX shell returns the word unchanged.
TEST(ShellQuoted, SurvivesAShell) {
  for (const std::string word :
       {"", "a b", "it's", "$HOME `id` \"x\"", "*", "a\\b", "a;b&c|d", "!x", "\t\n."}) {
    const std::string command = "printf '%s.' " + shell_quoted(word);
    FILE* pipe = ::popen(command.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string echoed;
    for (int letter = std::fgetc(pipe); letter != EOF; letter = std::fgetc(pipe)) {
      echoed += static_cast<char>(letter);
    }
    EXPECT_EQ(::pclose(pipe), 0);
    EXPECT_EQ(echoed, word + ".");
  }
}

CheckReport sample_report() {
  CheckReport report{"bn", "0.1.0", "pytorch", "sound", 18446744073709551615U, false, {}};
  LawResult holds;
  holds.law = law_named("matches_oracle");
  holds.kind = Verdict::Kind::holds;
  holds.cases = 200;
  holds.discarded = 3;
  holds.worst_ulps = 0.5;
  holds.worst_ratio = 0.25;
  report.findings.push_back({holds, ""});
  LawResult violated = holds;
  violated.law = law_named("zero_mean");
  violated.kind = Verdict::Kind::violated;
  violated.cases = 7;
  violated.reason = "y is \"wrong\"\nby far";
  violated.worst_ulps = std::numeric_limits<double>::infinity();
  violated.worst_ratio = std::numeric_limits<double>::quiet_NaN();
  violated.counterexample = forward_case(true, {2, 1}, {1, 2});
  violated.verdict = Verdict::violated(violated.reason);
  report.findings.push_back({violated, "dir with blank/x.safetensors"});
  return report;
}

TEST(Console, AStarvedClassIsLoudAndInconclusive) {
  CheckReport report = sample_report();
  EXPECT_EQ(coverage_table(report, {}).find("NEVER"), std::string::npos);
  report.findings.resize(1);
  EXPECT_FALSE(report.inconclusive());
  report.starved = {{"x", "tiny"}};
  EXPECT_NE(coverage_table(report, {}).find("NEVER MET: x: tiny\n"), std::string::npos);
  EXPECT_TRUE(report.inconclusive());
}

/// A finding that needs other cases shows them, in the console and in the page.
TEST(Reports, ShowTheCasesBeforeAFinding) {
  CheckReport report = sample_report();
  LawResult& result = report.findings[1].result;
  result.needs_others = true;
  result.before = {forward_case(true, {2, 1}, {3, 4}), forward_case(true, {2, 1}, {5, 6})};
  for (const std::string& text :
       {show_finding(report.findings[1], "bn", {}, {}), check_html(report, {}, "0.1.0")}) {
    const std::size_t first = text.find("case 1 before it");
    const std::size_t second = text.find("case 2 before it", first);
    EXPECT_LT(first, second);
    EXPECT_NE(text.find("the case", second), std::string::npos) << text;
    EXPECT_NE(text.find("(0x40a00000)"), std::string::npos);
  }
}

TEST(Console, NothingDrawnHasNoCoverage) {
  EXPECT_EQ(coverage_table(CheckReport(), {}), "");
}

TEST(Json, FollowsTheSchema) {
  const nlohmann::json json = nlohmann::json::parse(to_json(sample_report()));
  EXPECT_EQ(json.at("schema"), 2);
  EXPECT_EQ(json.at("subject"), "bn");
  EXPECT_EQ(json.at("version"), "0.1.0");
  EXPECT_EQ(json.at("dialect"), "pytorch");
  EXPECT_EQ(json.at("seed"), 18446744073709551615U);
  EXPECT_EQ(json.at("cases"), 207);
  EXPECT_EQ(json.at("violations"), 1);
  EXPECT_EQ(json.at("interrupted"), false);
  EXPECT_EQ(json.at("failures"), 1);
  EXPECT_TRUE(json.at("gone").empty());
  EXPECT_EQ(json.at("numerics"), "sound");
  EXPECT_EQ(json.size(), 16U);
  const nlohmann::json& law = json.at("laws").at(0);
  EXPECT_EQ(law.at("name"), "matches_oracle");
  EXPECT_EQ(law.at("verdict"), "holds");
  EXPECT_EQ(law.at("cases"), 200);
  EXPECT_EQ(law.at("discarded"), 3);
  EXPECT_EQ(law.at("worst_ulp"), 0.5);
  EXPECT_EQ(law.at("worst_ratio"), 0.25);
  EXPECT_TRUE(law.at("reason").is_null());
  EXPECT_TRUE(law.at("case_file").is_null());
  EXPECT_TRUE(law.at("climbed").is_null());
  EXPECT_TRUE(law.at("slow").is_null());
  EXPECT_TRUE(law.at("rank").is_null());
  EXPECT_EQ(json.at("laws").at(1).at("rank"), "wrong");
  EXPECT_EQ(law.at("known"), false);
  EXPECT_EQ(law.at("after_cases"), 0);
  EXPECT_TRUE(law.at("explained_by").is_null());
  EXPECT_EQ(law.size(), 14U);
}

CheckReport climbed_and_slow() {
  CheckReport report = sample_report();
  LawResult& result = report.findings[0].result;
  const Case c = forward_case(true, {2, 1}, {1, 2});
  result.worst_cases.offer(c, 0.25);
  result.climbed = Climbed{1234, {c, 0.5}, {}, {}};
  for (int k = 0; k < 10; ++k) result.times.add(c, std::chrono::milliseconds(10));
  result.times.add(c, std::chrono::seconds(2));
  return report;
}

TEST(Json, GivesTheClimbAndTheSlowCase) {
  const nlohmann::json json = nlohmann::json::parse(to_json(climbed_and_slow()));
  const nlohmann::json& law = json.at("laws").at(0);
  EXPECT_EQ(law.at("climbed"), (nlohmann::json{{"evaluations", 1234}, {"worst_ratio", 0.5}}));
  EXPECT_EQ(law.at("slow").at("seconds"), 2);
  EXPECT_EQ(law.at("slow").at("median_seconds"), 0.01);
  EXPECT_NE(law.at("slow").at("case").get<std::string>().find("BatchNorm1d(1)"), std::string::npos);
  EXPECT_TRUE(json.at("laws").at(1).at("climbed").is_null());
}

TEST(Console, TheClimbStandsBesideBlindSampling) {
  EXPECT_EQ(climb_table(sample_report()), "");
  EXPECT_TRUE(climb_table(climbed_and_slow())
                  .starts_with("\nworst ratios, drawn and climbed to:\n"
                               "  matches_oracle: blind 0.25, climbed 0.5, 1234 evaluations: BatchNorm1d(1)"))
      << climb_table(climbed_and_slow());
}

TEST(Console, ASlowCaseIsToldWithItsFactor) {
  EXPECT_EQ(slow_cases(sample_report()), "");
  EXPECT_TRUE(slow_cases(climbed_and_slow())
                  .starts_with("SLOW: matches_oracle: a case took 2 s, 200 times the median: BatchNorm1d(1)"))
      << slow_cases(climbed_and_slow());
}

TEST(Json, GivesNumbersThatAreNotFiniteAsStrings) {
  const nlohmann::json law = nlohmann::json::parse(to_json(sample_report())).at("laws").at(1);
  EXPECT_EQ(law.at("worst_ulp"), "inf");
  EXPECT_EQ(law.at("worst_ratio"), "nan");
  EXPECT_EQ(law.at("reason"), "y is \"wrong\"\\nby far");
  EXPECT_EQ(law.at("case_file"), "dir with blank/x.safetensors");
}

/// Text that is no UTF-8 (the name of a file, the message of another program) must not prevent the report.
TEST(Json, SurvivesTextThatIsNoUtf8) {
  CheckReport report = sample_report();
  report.findings[1].case_file = "\xff\xfe.safetensors";
  EXPECT_TRUE(nlohmann::json::accept(to_json(report)));
}

TEST(Console, RowsLineUpWithTheHead) {
  const std::string head = table_head();
  for (const Finding& finding : sample_report().findings) {
    const std::string row = table_row(finding.result, {});
    EXPECT_EQ(row.size(), head.size()) << head << row;
  }
}

TEST(Console, ColoursOnlyOnRequest) {
  const CheckReport report = sample_report();
  const std::string plain = table_row(report.findings[0].result, {}) + summary(report, {}) +
                            show_finding(report.findings[1], "bn", {}, {});
  EXPECT_EQ(plain.find('\033'), std::string::npos);
  EXPECT_NE(table_row(report.findings[0].result, {true}).find('\033'), std::string::npos);
}

TEST(Console, AFindingSaysHowToReplayIt) {
  const Finding finding = sample_report().findings[1];
  EXPECT_NE(show_finding(finding, "bn", {}, {})
                .find("replay: bncheck replay 'dir with blank/x.safetensors' --subject bn\n"),
            std::string::npos);
  EXPECT_NE(show_finding(finding, "bn", {"keras"}, {}).find(" --subject bn --dialect keras\n"),
            std::string::npos);
}

TEST(Console, TheSummaryCountsVerdicts) {
  EXPECT_EQ(summary(sample_report(), {}),
            "\nbn 0.1.0: 2 laws, 207 cases, seed 18446744073709551615: 1 holds, 1 wrong\n");
}

TEST(Results, NothingApplicableIsInconclusive) {
  CheckReport report = sample_report();
  EXPECT_FALSE(report.inconclusive());
  for (Finding& finding : report.findings) finding.result.kind = Verdict::Kind::not_applicable;
  EXPECT_TRUE(report.inconclusive());
  report.findings[0].result.kind = Verdict::Kind::holds;
  EXPECT_FALSE(report.inconclusive());
  report.findings[1].result.kind = Verdict::Kind::inconclusive;
  EXPECT_TRUE(report.inconclusive());
}

TEST(ShowCase, ShowsValuesAsDecimalAndBits) {
  EXPECT_EQ(show_number(static_cast<double>(-0.99999776f), Dtype::f32), "-0.999997735 (0xbf7fffda)");
  EXPECT_EQ(show_number(-0.1, Dtype::f16), "-0.099976 (0xae66)");
  EXPECT_EQ(show_number(0.1, Dtype::bf16), "0.1001 (0x3dcd)");
  EXPECT_EQ(show_number(0.1, Dtype::f64), "0.10000000000000001 (0x3fb999999999999a)");
  const std::string text = show_case(forward_case(true, {2, 1}, {1.5f, -0.0f}));
  for (const char* part : {"BatchNorm1d(1), eps = 1e-05, momentum = 0.1", "call 0: forward training",
                           "1.5 (0x3fc00000)", "-0 (0x80000000)", "running_var [1] = 1 (0x3f800000)"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is missing in\n" << text;
  }
}

TEST(ShowCase, CutsLongTensors) {
  std::vector<float> values;
  for (int k = 0; k < 100; ++k) values.push_back(static_cast<float>(k % 2));
  const std::string text = show_case(forward_case(true, {100, 1}, values));
  EXPECT_NE(text.find("... 68 more"), std::string::npos) << text;
}

TEST(ShowCase, ShowsWhatDiffersInALongTensor) {
  std::vector<float> values(257);
  values.back() = 1;
  const std::string text = show_case(forward_case(true, {257, 1}, values));
  EXPECT_NE(text.find(" 256 x 0 (0x00000000) 1 (0x3f800000)\n"), std::string::npos) << text;
}

TEST(ShowMismatches, LeaveOutUlpsOfAResultThatHasCancelled) {
  const Case c = forward_case(true, {2, 1}, {1, 2});
  Mismatch mismatch{0, Output::y, 1, 2, 0, {}};
  mismatch.error.ulps = 1e47;
  mismatch.error.ratio = mismatch.error.folded_ratio = 3;
  EXPECT_EQ(show_mismatches(c, {mismatch}),
            "  call 0 y[1,0]: got 2 (0x40000000), expected 0 (0x00000000): ratio 3\n");
}

TEST(ShowMismatches, OfTwoRunsNameBoth) {
  const Case c = forward_case(true, {2, 1}, {1, 2});
  Mismatch mismatch{0, Output::y, 1, 2, 1, {}};
  mismatch.of_two_runs = true;
  EXPECT_EQ(show_mismatches(c, {mismatch}),
            "  call 0 y[1,0]: one run 1 (0x3f800000), the other run 2 (0x40000000)\n");
}

TEST(ShowMismatches, GivesTheIndexInTheTensor) {
  const Case c = forward_case(true, {2, 3, 4}, std::vector<float>(24, 1));
  Mismatch mismatch{0, Output::y, 23, 2, 1, {}};
  mismatch.error.ulps = std::numeric_limits<double>::infinity();
  const std::string text = show_mismatches(c, {mismatch});
  EXPECT_EQ(text, "  call 0 y[1,2,3]: got 2 (0x40000000), expected 1 (0x3f800000): inf ulps, ratio 0\n");
}

}  // namespace
}  // namespace bncheck::test
