#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "bncheck/untrusted_text.hpp"
#include "commands/commands.hpp"
#include "commands/common.hpp"
#include "commands/findings.hpp"
#include "commands/output.hpp"
#include "commands/progress.hpp"
#include "commands/reports.hpp"
#include "commands/signals.hpp"
#include "commands/writable.hpp"
#include "report/baseline.hpp"
#include "report/html_report.hpp"
#include "report/json.hpp"
#include "report/junit.hpp"
#include "search/check_laws.hpp"
#include "search/failure_store.hpp"

namespace bncheck {
namespace {

struct CheckArguments {
  std::string subject = "bn";
  int cases = 200;
  std::string seed, time, climb, law = "*", save = "bncheck-failures";
  Declaration declared;
  bool names_folder = false;
  Reports reports;
  bool no_database = false;
  std::string baseline;
  bool update_baseline = false;
  RankOptions ranks;
  ForeignLimits limits;
};

/// Store of the cases to try first; empty with --no-database. A damaged file costs a warning.
FailureStore open_store(const CheckArguments& arguments) {
  if (arguments.no_database) return {};
  FailureStore store(arguments.save);
  for (const std::string& warning : store.warnings()) complain(warning);
  return store;
}

/// Exit status of the report. A subject that was lost during the run gets one line on stderr, like one that
/// could not be started.
int status_of(const CheckReport& report) {
  if (!report.lost.empty()) {
    complain(report.lost);
    return exit_cannot_run;
  }
  if (report.interrupted) return exit_interrupted;
  if (report.failures() > 0) return exit_violated;
  return report.inconclusive() ? exit_inconclusive : exit_holds;
}

/// Whether every law had at least as many cases as by default, and none was cut short by a finding or by
/// time. A class that was never met then was not missed by chance.
bool is_full(const CheckArguments& arguments, const CheckReport& report) {
  return arguments.law == "*" && arguments.cases >= CheckArguments().cases &&
         std::ranges::all_of(report.findings, [](const Finding& finding) {
           return finding.result.kind == Verdict::Kind::holds ||
                  finding.result.kind == Verdict::Kind::not_applicable;
         });
}

/// Climbs with all laws that can climb; they share the time. Returns why the subject was lost; empty if it was not.
std::string climb_all(CheckReport& report, Subject& subject, CheckOptions options,
                      std::chrono::milliseconds time, const std::function<void(Finding&)>& save) {
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
    if (!finding.result.lost.empty()) return finding.result.lost;
  }
  return "";
}

/// Known findings of the file that the user names; none without one, or where it is about to be made.
BaselineRun open_baseline(const CheckArguments& arguments) {
  if (arguments.update_baseline && arguments.baseline.empty())
    throw UsageError("--update-baseline has no file, expected --baseline FILE");
  if (arguments.update_baseline) require_writable_file("--baseline", arguments.baseline);
  try {
    return BaselineRun::open(arguments.baseline, arguments.update_baseline);
  } catch (const std::runtime_error& error) {
    throw UsageError(error.what());
  }
}

/// Writes the findings of the run into the file. Returns whether it could.
bool update(const CheckArguments& arguments, const BaselineRun& baseline) {
  if (!arguments.update_baseline) return true;
  try {
    baseline.updated().write(arguments.baseline);
  } catch (const std::runtime_error& error) {
    complain(error.what());
    return false;
  }
  return true;
}

bool write_reports(const CheckArguments& arguments, const CheckReport& report) {
  return arguments.reports.write(
      {{"--json", [&] { return to_json(report); }},
       {"--junit", [&] { return to_junit(report, arguments.declared); }},
       {"--report", [&] { return check_html(report, arguments.declared, BNCHECK_VERSION); }}});
}

/// Result of a run without a check. The reports are written too, so that those of an earlier run do not stay.
int report_absence(const CheckArguments& arguments, CheckReport report) {
  const int status = status_of(report);
  return write_reports(arguments, report) ? status : exit_usage;
}

int run_check(const CheckArguments& arguments) {
  const std::vector<const Law*> laws = laws_from(arguments.law);
  const std::set<Rank> fail_on = arguments.ranks.ranks(arguments.subject);
  arguments.reports.require_writable();
  BaselineRun baseline = open_baseline(arguments);
  FindingFolder folder(arguments.save, arguments.names_folder);
  CheckOptions options;
  options.cases = arguments.cases;
  std::optional<std::chrono::steady_clock::time_point> end;
  if (!arguments.time.empty())
    end = std::chrono::steady_clock::now() + duration_from("--time", arguments.time);
  std::chrono::milliseconds climb_time{};
  if (!arguments.climb.empty()) climb_time = duration_from("--climb", arguments.climb);
  options.seed = seed_from(arguments.seed);
  options.interrupted = &interruption();
  ForeignLimits limits = arguments.limits;
  limits.interrupted = options.interrupted;
  // The start of the subject counts against the time of the run.
  if (end) limits.start = std::min(limits.start, duration_from("--time", arguments.time));
  std::unique_ptr<Subject> subject;
  CheckReport absent{arguments.subject,
                     "",
                     arguments.declared.dialect,
                     arguments.declared.numerics,
                     options.seed,
                     false,
                     {}};
  try {
    subject = subject_from(arguments.subject, arguments.declared, limits);
  } catch (const SubjectUnavailable& error) {
    CheckReport report = absent;
    report.lost = error.what();
    return report_absence(arguments, std::move(report));
  } catch (const Interrupted&) {
    complain("interrupted before the first case");
    absent.interrupted = true;
    return report_absence(arguments, absent);
  }

  CheckReport report{arguments.subject,
                     subject->version(),
                     text_of(subject->can().dialect),
                     text_of(subject->can().numerics),
                     options.seed,
                     false,
                     {}};
  report.fail_on = options.fail_on = fail_on;
  report.own_name = subject->name();
  const bool table = !arguments.reports.take_stdout();
  const Style style = stdout_style();
  if (table) print_text(table_head());
  const FailureStore store = open_store(arguments);
  ErrorStatistics statistics(subject->can().dialect);
  options.statistics = &statistics;
  Progress progress(laws.size());
  options.progress = [&](int cases) { progress.show(cases); };
  const auto save = [&](Finding& finding) {
    finding.case_file = folder.save(arguments.subject, finding.result, *subject, options.seed);
  };
  if (!arguments.baseline.empty())
    options.is_known = [&](const Law& law, const Verdict& verdict, Rank rank) {
      return baseline.knows(law, verdict, rank);
    };
  Hangs hangs;
  options.hangs = &hangs;
  LawsToCheck what{laws, end};
  what.starts = [&](const Law& law, CheckOptions& of_law) {
    of_law.stored = store.cases_for(law, arguments.subject, report.dialect);
    progress.start(law.name);
  };
  what.takes = [&](LawResult result) {
    Finding finding{std::move(result), ""};
    progress.clear();
    save(finding);
    if (finding.result.is_complete()) baseline.completed(*finding.result.law);
    if (table) print_text(table_row(finding.result, style));
    flush_output();
    report.findings.push_back(std::move(finding));
  };
  if (!arguments.climb.empty())
    what.then = [&] { return climb_all(report, *subject, options, climb_time, save); };
  report.lost = check_laws(what, *subject, options);
  explain(report.findings);
  report.interrupted = *options.interrupted;
  report.accuracy = statistics.passes();
  if (!arguments.update_baseline) report.gone = baseline.gone();
  if (is_full(arguments, report)) report.starved = report.coverage().never_met(subject->can());
  if (table) {
    print("{}{}", climb_table(report), slow_cases(report));
    print_text(show_findings(report, arguments.declared, style));
    print_text(accuracy_lines(report, arguments.declared));
    print_text(coverage_table(report, style));
    print_text(summary(report, style));
    flush_output();
  }
  const bool updated = report.interrupted || !report.lost.empty() || update(arguments, baseline);
  const bool reported = write_reports(arguments, report) && updated;
  return !reported || folder.lost_some() ? exit_usage : status_of(report);
}

}  // namespace

void add_check(CLI::App& app, int& status) {
  auto arguments = std::make_shared<CheckArguments>();
  CLI::App* command = app.add_subcommand("check", "run laws on a subject");
  command->add_option("subject", arguments->subject, "the BatchNorm to check ('bncheck list subjects')")
      ->capture_default_str();
  command->add_option("--cases", arguments->cases, "applicable cases per law")
      ->check(integer_in(1, 100'000'000))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed,
                      "integer that the cases follow from (default: a random one)");
  command
      ->add_option(
          "--law", arguments->law,
          "only the laws that match one of these patterns with * and ?, and none after a !: 'momentum_*,!*_long_*'")
      ->capture_default_str();
  command->add_option("--time", arguments->time,
                      "stop after this long in total, shared by the laws, and start the subject in no more: "
                      "500ms, 30s, 10m, 1h");
  command->add_option("--climb", arguments->climb,
                      "then search this long in total, from the worst cases and by small changes, for worse "
                      "ones: 10s, 5m");
  add_declaration_options(*command, arguments->declared);
  arguments->reports.add_option(*command, "--json", "write the report as JSON to this file");
  arguments->reports.add_option(*command, "--junit", "write the verdicts as JUnit XML to this file");
  arguments->reports.add_option(*command, "--report", "write everything as one HTML file");
  const CLI::Option* save =
      command
          ->add_option("--save", arguments->save,
                       "folder for the cases that violate a law; those in it are tried first")
          ->capture_default_str();
  command->add_flag("--no-database", arguments->no_database, "do not try the cases in that folder first");
  command->add_option("--baseline", arguments->baseline,
                      "file of known findings, by law, rank and message: only others fail the check");
  command->add_flag("--update-baseline", arguments->update_baseline,
                    "write the findings of this run into that file");
  add_rank_options(*command, arguments->ranks);
  add_foreign_options(*command, arguments->limits);
  command->callback([arguments, save, &status] {
    arguments->names_folder = save->count() > 0;
    status = run_check(*arguments);
  });
}

}  // namespace bncheck
