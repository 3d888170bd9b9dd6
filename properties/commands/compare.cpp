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
#include "report/html_report.hpp"
#include "report/league.hpp"
#include "search/check_laws.hpp"
#include "subjects/registry.hpp"

namespace bncheck {
namespace {

struct CompareArguments {
  std::vector<std::string> subjects;
  int cases = 20, law_cases = 50;
  bool no_laws = false;
  std::string seed, save = "bncheck-failures";
  bool names_folder = false;
  Reports reports;
  ForeignLimits limits;
};

/// Command line for the terminal and the pages, without the files that the command writes, which are no part
/// of the result.
std::string command_line(const CompareArguments& arguments, std::uint64_t seed) {
  std::string line = "bncheck compare";
  for (const std::string& subject : arguments.subjects) line += " " + shell_quoted(subject);
  line += fmt::format(" --cases {} ", arguments.cases);
  line += arguments.no_laws ? "--no-laws" : fmt::format("--law-cases {}", arguments.law_cases);
  return line + fmt::format(" --seed {}", seed);
}

/// Checks every law on the contestant's subject and saves the findings.
void check_contestant(const CompareArguments& arguments, Subject& subject, std::uint64_t seed, Hangs& hangs,
                      FindingFolder& folder, Contestant& contestant) {
  CheckOptions options;
  options.hangs = &hangs;
  options.cases = arguments.law_cases;
  options.seed = seed;
  options.interrupted = &interruption();
  LawsToCheck what{laws_from("*")};
  Progress progress(what.laws.size());
  options.progress = [&](int cases) { progress.show(cases); };
  what.starts = [&](const Law& law, CheckOptions&) { progress.start(contestant.name + ": " + law.name); };
  what.takes = [&](LawResult result) {
    Finding finding{std::move(result), ""};
    finding.case_file = folder.save(contestant.name, finding.result, subject, seed);
    contestant.laws.push_back(std::move(finding));
  };
  contestant.lost = check_laws(what, subject, options);
  explain(contestant.laws);
  progress.clear();
}

/// Version of the subject; a program or a plugin also reports its own name.
std::string version_of(const std::string& name, const Subject& subject) {
  return name.ends_with(subject.name()) ? subject.version() : subject.name() + " " + subject.version();
}

/// Runs one subject from its start to its end: many subjects at the same time would use up all descriptors.
/// `folder` is absent if no law is checked.
Contestant play(const CompareArguments& arguments, const std::string& name, std::uint64_t seed,
                std::optional<FindingFolder>& folder) {
  Contestant contestant{name, ""};
  try {
    ForeignLimits limits = arguments.limits;
    limits.interrupted = &interruption();
    const std::unique_ptr<Subject> subject = subject_from(name, {}, limits);
    contestant.version = version_of(name, *subject);
    Progress progress(all_workloads().size());
    Hangs hangs;
    contestant.measured =
        measure(*subject, arguments.cases, seed, interruption(), hangs, [&](const Workload& workload) {
          progress.start(fmt::format("{}: {}, {}", name, name_of(workload.pass), workload.regime));
        });
    progress.clear();
    contestant.lost = contestant.measured->lost;
    if (folder && contestant.lost.empty())
      check_contestant(arguments, *subject, seed, hangs, *folder, contestant);
  } catch (const SubjectUnavailable& error) {
    return {name, "", untrusted_line(error.what(), message_bytes)};
  } catch (const Interrupted&) {
    return {name, "", "interrupted"};
  }
  return contestant;
}

bool came_to_its_end(const Contestant& contestant) {
  return contestant.skipped.empty() && contestant.lost.empty();
}

int run_compare(const CompareArguments& arguments) {
  arguments.reports.require_writable();
  std::optional<FindingFolder> folder;
  if (!arguments.no_laws) folder.emplace(arguments.save, arguments.names_folder);
  const std::uint64_t seed = seed_from(arguments.seed);
  // A misspelt name must be reported before the first subject runs.
  for (const std::string& name : arguments.subjects) require_subject_name(name);
  League league;
  league.seed = seed;
  league.cases = arguments.cases;
  league.law_cases = arguments.no_laws ? 0 : arguments.law_cases;
  league.command = command_line(arguments, seed);
  league.bncheck_version = BNCHECK_VERSION;
  for (const std::string& name : arguments.subjects) {
    if (interruption()) break;
    league.contestants.push_back(play(arguments, name, seed, folder));
  }
  league.interrupted = interruption();
  for (const Contestant& contestant : league.contestants) {
    if (!contestant.lost.empty()) complain(contestant.lost);
  }
  const bool nobody = players(league).empty() && !league.interrupted;
  if (nobody) complain(league.contestants.front().skipped);
  if (!nobody && !arguments.reports.take_stdout()) print_text(league_table(league));
  const bool reported = arguments.reports.write({{"--json", [&] { return league_json(league); }},
                                                 {"--markdown", [&] { return league_page(league); }},
                                                 {"--report", [&] { return league_html(league); }}});
  if (!reported || (folder && folder->lost_some())) return exit_usage;
  if (!league.interrupted && std::ranges::none_of(league.contestants, came_to_its_end))
    return exit_cannot_run;
  return league.interrupted ? exit_interrupted : exit_holds;
}

}  // namespace

void add_compare(CLI::App& app, int& status) {
  auto arguments = std::make_shared<CompareArguments>();
  CLI::App* command = app.add_subcommand(
      "compare", "the same cases put to several subjects: laws, accuracy classes, worst errors");
  command->footer(
      "A subject that cannot be run is a row that says why, and one that is lost on the way keeps what was "
      "found.");
  command->add_option("subjects", arguments->subjects, "the BatchNorms to compare ('bncheck list subjects')")
      ->required();
  command->add_option("--cases", arguments->cases, "cases per pass and regime of values")
      ->check(integer_in(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--law-cases", arguments->law_cases, "applicable cases per law")
      ->check(integer_in(1, 1'000'000))
      ->capture_default_str();
  command->add_flag("--no-laws", arguments->no_laws, "measure errors only");
  command->add_option("--seed", arguments->seed,
                      "integer that the cases follow from (default: a random one)");
  arguments->reports.add_option(*command, "--json", "write the result as JSON to this file");
  arguments->reports.add_option(*command, "--markdown", "write the summary as Markdown to this file");
  arguments->reports.add_option(*command, "--report", "write everything as one HTML file");
  const CLI::Option* save =
      command->add_option("--save", arguments->save, "folder for the cases that violate a law")
          ->capture_default_str();
  add_foreign_options(*command, arguments->limits);
  command->callback([arguments, save, &status] {
    arguments->names_folder = save->count() > 0;
    status = run_compare(*arguments);
  });
}

}  // namespace bncheck
