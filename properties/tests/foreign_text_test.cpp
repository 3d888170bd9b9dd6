/// Untrusted text at every place where it enters, is kept or is shown (bncheck/untrusted_text.hpp).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "bncheck/case_file.hpp"
#include "bncheck/check_laws.hpp"
#include "bncheck/untrusted_text.hpp"
#include "laws/catalogue.hpp"
#include "report/console.hpp"
#include "report/diagnosis.hpp"
#include "report/html_report.hpp"
#include "report/json.hpp"
#include "report/judged_files.hpp"
#include "report/junit.hpp"
#include "report/league.hpp"
#include "report_saying.hpp"
#include "search/failure_store.hpp"
#include "subjects/foreign/wire.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Eight megabytes that clear a screen and imitate a line.
std::string hostile_text() {
  const std::string once = "\x1b[2J\a\rbncheck: all is well\nbncheck: all is well\r\n\u009b2J\u202e\x7f\xff";
  std::string text;
  while (text.size() < std::size_t{8} << 20) text += once;
  return text;
}
const std::string hostile = hostile_text();

bool is_tame(const std::string& text) {
  return untrusted_lines(text) == text && text.find('\t') == std::string::npos &&
         text.find("\nbncheck: all") == std::string::npos;
}
void expect_tame(const std::string& text, std::size_t most) {
  EXPECT_TRUE(is_tame(text)) << untrusted_line(text, message_bytes);
  EXPECT_LE(text.size(), most);
  EXPECT_THAT(text, HasSubstr("x1b"));  // shown, not left out
}

// ---- Where it comes in.

TEST(ForeignText, OfCapabilitiesIsBounded) {
  Archive reply{{{"format", "bncheck-reply"}, {"name", hostile}, {"subject_version", hostile}}, {}};
  const Declared declared = read_capabilities(reply);
  expect_tame(declared.name, message_bytes);
  expect_tame(declared.version, message_bytes);
}

/// A program from before there was such a word is not asked for more than it was.
TEST(ForeignCapabilities, AParameterAloneIsAskedForOnlyWhereItIsDeclared) {
  Archive reply{{{"format", "bncheck-reply"}, {"name", "x"}}, {}};
  EXPECT_TRUE(read_capabilities(reply).can.without_affine);
  EXPECT_FALSE(read_capabilities(reply).can.weight_or_bias_alone);
  reply.metadata["has"] = "weight_or_bias_alone";
  reply.metadata["lacks"] = "unaffine";
  EXPECT_FALSE(read_capabilities(reply).can.without_affine);
  EXPECT_TRUE(read_capabilities(reply).can.weight_or_bias_alone);
}

TEST(ForeignText, OfRefusedCapabilitiesIsBounded) {
  for (const char* key : {"format", "status", "message", "dialect", "numerics", "dtypes", "errors",
                          "operations", "dimensions", "takes", "channel_multiple", "lacks"}) {
    Archive reply{{{"format", "bncheck-reply"}, {"name", "x"}}, {}};
    reply.metadata[key] = hostile;
    if (key == std::string("message")) reply.metadata["status"] = "fatal";
    try {
      read_capabilities(reply);
      ADD_FAILURE() << key;
    } catch (const FormatError& error) {
      expect_tame(error.what(), 2 * message_bytes);
    }
  }
}

TEST(ForeignText, OfRepliesIsBounded) {
  Archive reply{{{"format", "bncheck-reply"}, {"status", "error other"}, {"message", hostile}}, {}};
  expect_tame(std::get<Failure>(read_call_reply(reply).result).message, message_bytes);
  reply.metadata["status"] = "fatal";
  expect_tame(read_call_reply(reply).death->detail, message_bytes + 100);
  reply.metadata["status"] = hostile;
  EXPECT_THROW(read_call_reply(reply), FormatError);
}

TEST(ForeignText, OfOutcomesIsBounded) {
  const Case c = forward_case(true, {2, 1}, {1, 2});
  Archive reply{{{"format", "bncheck-outcome"},
                 {"calls", "1"},
                 {"call.0", "error other"},
                 {"call.0.message", hostile},
                 {"death", "0"},
                 {"death.detail", hostile}},
                {}};
  const Outcome outcome = read_outcome(reply, c);
  expect_tame(std::get<Failure>(outcome.replies.at(0).result).message, message_bytes);
  expect_tame(outcome.death->detail, message_bytes);
}

// ---- Where it is kept and passed to a user's program.

/// Subject in this process, where its texts are not bounded.
class Ranter : public Perfect {
 public:
  Ranter() : Perfect(*dialect_named("pytorch")) {}
  std::string version() const override { return hostile; }
  Outcome run(const Case& c) override {
    return {std::vector<Reply>(c.calls.size(), Reply{Failure{ErrorKind::other, hostile, false}, c.state}),
            {}};
  }
};

TEST(ForeignText, OfALawsReportAndOfItsCaseFileIsBounded) {
  const fs::path folder = fs::path(testing::TempDir()) / "foreign_text";
  fs::remove_all(folder);
  const Case c = forward_case(true, {2, 1}, {1, 2});
  fs::create_directories(folder);
  save_case(folder / "case.safetensors", {c, {}});
  Ranter ranter;
  LawCheckOptions options;
  options.case_file = (folder / "case.safetensors").string();
  const LawCheck check = check_law(ranter, "matches_oracle", options);
  EXPECT_EQ(check.verdict, Verdict::Kind::violated);
  expect_tame(check.report, 2 * message_bytes);

  const fs::path stored = store_failure(
      folder, {c, {{"law", "matches_oracle"}, {"subject", "x"}, {"version", hostile}, {"message", hostile}}});
  EXPECT_LE(fs::file_size(stored), 3 * message_bytes);
  for (const char* note : {"version", "message"})
    expect_tame(load_case(stored).notes.at(note), message_bytes);
  fs::remove_all(folder);
}

// ---- Where a person reads it.

CheckReport hostile_report() {
  CheckReport report = report_saying("x", hostile, "pytorch", "");
  report.findings.push_back(report.findings.back());
  report.findings.back().result.kind = Verdict::Kind::inconclusive;
  return report;
}

TEST(ForeignText, OnTheConsole) {
  const CheckReport report = hostile_report();
  for (const Finding& finding : report.findings) {
    if (!finding.result.counterexample) expect_tame(table_row(finding.result, {}), 500);
  }
  expect_tame(show_finding(report.findings.front(), "x", {}, {}), 2 * message_bytes);
  expect_tame(summary(report, {}), 500);
}

TEST(ForeignText, InReportsOfACheck) {
  const CheckReport report = hostile_report();
  expect_tame(to_json(report), 5 * message_bytes);
  expect_tame(to_junit(report, {}), 8 * message_bytes);
  expect_tame(check_html(report, {}, "1"), 100'000);
}

TEST(ForeignText, InALeague) {
  League league;
  Contestant contestant{"x", hostile};
  contestant.measured.emplace(*dialect_named("pytorch"));
  contestant.measured->deaths.push_back({&all_workloads().front(), 3, hostile});
  contestant.measured->failures.push_back({&all_workloads().front(), 3, hostile});
  contestant.laws = hostile_report().findings;
  league.contestants.push_back(std::move(contestant));
  league.contestants.push_back({"y", "", hostile});
  expect_tame(league_table(league), 20'000);
  expect_tame(league_page(league), 20'000);
  expect_tame(league_json(league), 10 * message_bytes);
  expect_tame(league_html(league), 100'000);
}

TEST(ForeignText, InADiagnosis) {
  Diagnosis diagnosis;
  diagnosis.unexplained = {hostile};
  diagnosis.knobs = {
      {"averaging", {"none"}, Evidence{"what", "y[0]", {{"none", true, hostile, 0, 0}}}, hostile},
      {"saved", {"none", "mean_var"}, std::nullopt, hostile}};
  expect_tame(show_diagnosis(diagnosis, "x", {}), 4 * message_bytes);
  expect_tame(to_json(diagnosis, "x", hostile), 6 * message_bytes);
}

TEST(ForeignText, InJudgedFiles) {
  JudgedFile file;
  file.kind = JudgedFile::Kind::violated;
  file.case_file = file.output_file = "a\x1b[2J\nbncheck: all is well";
  file.message = hostile;
  expect_tame(show_judged(file), 2 * message_bytes);
  expect_tame(judged_json({"pytorch", "sound", false, {file}, {}}), 2 * message_bytes);
}

}  // namespace
}  // namespace bncheck::test
