#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "bncheck/untrusted_text.hpp"
#include "commands/commands.hpp"
#include "commands/common.hpp"
#include "commands/findings.hpp"
#include "commands/progress.hpp"
#include "report/html_report.hpp"
#include "report/json.hpp"
#include "report/junit.hpp"
#include "search/check_law.hpp"
#include "search/failure_store.hpp"

namespace bncheck {
namespace {

struct CheckArguments {
  std::string subject = "bn";
  int cases = 200;
  std::string seed, time, climb, law = "*", dialect, json, junit, html, save = "bncheck-failures";
  bool no_database = false;
  ForeignLimits limits;
};

/// What is stored is tried first, unless the user does not want it; a damaged file costs a line of warning.
FailureStore open_store(const CheckArguments& arguments) {
  if (arguments.no_database) return {};
  FailureStore store(arguments.save);
  for (const std::string& warning : store.warnings())
    fmt::print(stderr, "bncheck: {}\n", untrusted_line(warning, message_bytes));
  return store;
}

int status_of(const CheckReport& report) {
  if (report.interrupted) return exit_interrupted;
  if (report.violations() > 0) return exit_violated;
  return report.inconclusive() ? exit_inconclusive : exit_holds;
}

/// Every law had at least as many cases as it has by default, none was cut short by a finding or by time:
/// what was never met then is not met by chance.
bool is_full(const CheckArguments& arguments, const CheckReport& report) {
  return arguments.law == "*" && arguments.cases >= CheckArguments().cases &&
         std::ranges::all_of(report.findings, [](const Finding& finding) {
           return finding.result.kind == LawResult::Kind::holds ||
                  finding.result.kind == LawResult::Kind::not_applicable;
         });
}

/// The laws that have something to climb by share the time.
void climb_all(CheckReport& report, Subject& subject, CheckOptions options, std::chrono::milliseconds time,
               const std::function<void(Finding&)>& save) {
  std::vector<Finding*> climbers;
  for (Finding& finding : report.findings) {
    if (can_climb(finding.result)) climbers.push_back(&finding);
  }
  const auto start = std::chrono::steady_clock::now();
  options.deadline.reset();
  Progress progress(climbers.size());
  for (std::size_t k = 0; k < climbers.size() && !*options.interrupted; ++k) {
    Finding& finding = *climbers[k];
    progress.start(finding.result.law->name);
    const auto now = std::chrono::steady_clock::now();
    const ClimbLimits limits{
        {}, now + (start + time - now) / static_cast<std::int64_t>(climbers.size() - k), options.interrupted};
    finding.result = climb_law(std::move(finding.result), subject, options, limits);
    progress.clear();
    save(finding);
  }
}

/// A report that goes to stdout takes the table's place.
bool takes_stdout(const CheckArguments& arguments) {
  return arguments.json == "-" || arguments.junit == "-" || arguments.html == "-";
}

int run_check(const CheckArguments& arguments) {
  const std::vector<const Law*> laws = laws_from(arguments.law);
  require_writable_file("--json", arguments.json);
  require_writable_file("--junit", arguments.junit);
  require_writable_file("--report", arguments.html);
  require_writable_folder("--save", arguments.save);
  CheckOptions options;
  options.cases = arguments.cases;
  std::optional<std::chrono::steady_clock::time_point> end;
  if (!arguments.time.empty())
    end = std::chrono::steady_clock::now() + duration_from("--time", arguments.time);
  std::chrono::milliseconds climb_time{};
  if (!arguments.climb.empty()) climb_time = duration_from("--climb", arguments.climb);
  const std::unique_ptr<Subject> subject =
      subject_from(arguments.subject, arguments.dialect, arguments.limits);
  options.seed = seed_from(arguments.seed);
  options.interrupted = &interruption();

  CheckReport report{
      arguments.subject, subject->version(), text_of(subject->can().dialect), options.seed, false, {}};
  const bool table = !takes_stdout(arguments);
  const Style style = stdout_style();
  if (table) fmt::print("{}", table_head());
  const FailureStore store = open_store(arguments);
  ErrorStatistics statistics(subject->can().dialect);
  options.statistics = &statistics;
  Hangs hangs;
  options.hangs = &hangs;
  Progress progress(laws.size());
  options.progress = [&](int cases) { progress.show(cases); };
  bool unsaved = false;
  const auto save = [&](Finding& finding) {
    if (!finding.result.counterexample) return;
    try {
      finding.case_file =
          save_finding(arguments.save, arguments.subject, finding.result, *subject, options.seed);
    } catch (const std::runtime_error& error) {
      // A full disk loses the case file, not the findings of the run.
      fmt::print(stderr, "bncheck: {}\n", untrusted_line(error.what(), message_bytes));
      unsaved = true;
    }
  };
  for (const Law* law : laws) {
    if (*options.interrupted) break;
    // What is left of the time is shared by the laws that are left.
    if (end) {
      const auto now = std::chrono::steady_clock::now();
      options.deadline = now + (*end - now) / static_cast<std::int64_t>(laws.size() - report.findings.size());
    }
    options.stored = store.cases_for(*law, arguments.subject, report.dialect);
    progress.start(law->name);
    Finding finding{check_law(*law, *subject, options), ""};
    progress.clear();
    save(finding);
    if (table) fmt::print("{}", table_row(finding.result, style));
    std::fflush(stdout);
    report.findings.push_back(std::move(finding));
  }
  if (!arguments.climb.empty()) climb_all(report, *subject, options, climb_time, save);
  report.interrupted = *options.interrupted;
  report.accuracy = statistics.passes();
  if (is_full(arguments, report)) report.starved = report.coverage().never_met(subject->can());
  if (table) {
    fmt::print("{}{}", climb_table(report), slow_cases(report));
    for (const Finding& finding : report.findings) {
      if (finding.result.counterexample) {
        fmt::print("{}", show_finding(finding, arguments.subject, arguments.dialect, style));
      }
    }
    fmt::print("{}", accuracy_lines(report, arguments.dialect));
    fmt::print("{}", coverage_table(report, style));
    fmt::print("{}", summary(report, style));
    std::fflush(stdout);
  }
  if (!arguments.json.empty()) write_text(arguments.json, to_json(report));
  if (!arguments.junit.empty()) write_text(arguments.junit, to_junit(report, arguments.dialect));
  if (!arguments.html.empty()) {
    write_text(arguments.html, check_html(report, arguments.dialect, BNCHECK_VERSION));
  }
  return unsaved ? exit_usage : status_of(report);
}

}  // namespace

void add_check(CLI::App& app, int& status) {
  auto arguments = std::make_shared<CheckArguments>();
  CLI::App* command = app.add_subcommand("check", "run laws on a subject");
  command->add_option("subject", arguments->subject, "the BatchNorm to check ('bncheck list subjects')")
      ->capture_default_str();
  command->add_option("--cases", arguments->cases, "applicable cases per law")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed,
                      "integer that the cases follow from (default: a random one)");
  command->add_option("--law", arguments->law, "only the laws that match this pattern with * and ?")
      ->capture_default_str();
  command->add_option("--time", arguments->time,
                      "stop after this long in total, shared by the laws: 500ms, 30s, 10m, 1h");
  command->add_option("--climb", arguments->climb,
                      "then search this long in total, from the worst cases and by small changes, for worse "
                      "ones: 10s, 5m");
  command->add_option("--dialect", arguments->dialect,
                      "judge the subject in this dialect: NAME[,KNOB=VALUE]... ('bncheck list dialects')");
  command->add_option("--json", arguments->json,
                      "write the report as JSON to this file; - is stdout, without the table");
  command->add_option("--junit", arguments->junit,
                      "write the verdicts as JUnit XML to this file; - is stdout, without the table");
  command->add_option("--report", arguments->html,
                      "write everything as one HTML file; - is stdout, without the table");
  command
      ->add_option("--save", arguments->save,
                   "folder for the cases that violate a law; those in it are tried first")
      ->capture_default_str();
  command->add_flag("--no-database", arguments->no_database, "do not try the cases in that folder first");
  add_foreign_options(*command, arguments->limits);
  command->callback([arguments, &status] { status = run_check(*arguments); });
}

}  // namespace bncheck
