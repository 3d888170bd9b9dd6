#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "bncheck/untrusted_text.hpp"
#include "commands/commands.hpp"
#include "commands/common.hpp"
#include "commands/findings.hpp"
#include "commands/progress.hpp"
#include "report/html_report.hpp"
#include "report/league.hpp"
#include "subjects/registry.hpp"

namespace bncheck {
namespace {

struct CompareArguments {
  std::vector<std::string> subjects;
  int cases = 20, law_cases = 50;
  bool no_laws = false;
  std::string seed, json, markdown, html, save = "bncheck-failures";
  ForeignLimits limits;
};

/// What a terminal shows and the pages say; files that it wrote are no part of the result.
std::string command_line(const CompareArguments& arguments, std::uint64_t seed) {
  std::string line = "bncheck compare";
  for (const std::string& subject : arguments.subjects) line += " " + shell_quoted(subject);
  line += fmt::format(" --cases {} ", arguments.cases);
  line += arguments.no_laws ? "--no-laws" : fmt::format("--law-cases {}", arguments.law_cases);
  return line + fmt::format(" --seed {}", seed);
}

/// Every law on a subject, with the findings saved.
std::vector<Finding> check_laws(const CompareArguments& arguments, Subject& subject, const std::string& name,
                                std::uint64_t seed, Hangs& hangs) {
  CheckOptions options;
  options.hangs = &hangs;
  options.cases = arguments.law_cases;
  options.seed = seed;
  options.interrupted = &interruption();
  const std::vector<const Law*> laws = laws_from("*");
  Progress progress(laws.size());
  options.progress = [&](int cases) { progress.show(cases); };
  std::vector<Finding> findings;
  for (const Law* law : laws) {
    if (interruption()) break;
    progress.start(name + ": " + law->name);
    Finding finding{check_law(*law, subject, options), ""};
    if (finding.result.counterexample) {
      try {
        finding.case_file = save_finding(arguments.save, name, finding.result, subject, seed);
      } catch (const std::runtime_error& error) {
        // A full disk loses the case file, not the comparison.
        fmt::print(stderr, "bncheck: {}\n", untrusted_line(error.what(), message_bytes));
      }
    }
    findings.push_back(std::move(finding));
  }
  progress.clear();
  return findings;
}

/// A subject before its turn, or the reason why it has none.
struct Entrant {
  std::string name;
  std::unique_ptr<Subject> subject{};
  std::string unavailable{};
};

/// All of them before the first one runs: a misspelt name is told at once.
std::vector<Entrant> entrants_from(const CompareArguments& arguments) {
  std::vector<Entrant> entrants;
  for (const std::string& name : arguments.subjects) {
    Entrant entrant{name};
    try {
      entrant.subject = subject_from(name, "", arguments.limits);
    } catch (const SubjectUnavailable& error) {
      entrant.unavailable = untrusted_line(error.what(), message_bytes);
    }
    entrants.push_back(std::move(entrant));
  }
  return entrants;
}

/// A program or a plugin says itself what it is.
std::string version_of(const std::string& name, const Subject& subject) {
  return name.ends_with(subject.name()) ? subject.version() : subject.name() + " " + subject.version();
}

Contestant play(const CompareArguments& arguments, Entrant entrant, std::uint64_t seed) {
  const std::string& name = entrant.name;
  Contestant contestant{name, "", entrant.unavailable};
  if (!entrant.subject) return contestant;
  try {
    const std::unique_ptr<Subject> subject = std::move(entrant.subject);
    contestant.version = version_of(name, *subject);
    Progress progress(all_workloads().size());
    Hangs hangs;
    Measured measured =
        measure(*subject, arguments.cases, seed, interruption(), hangs, [&](const Workload& workload) {
          progress.start(fmt::format("{}: {}, {}", name, name_of(workload.pass), workload.regime));
        });
    progress.clear();
    if (!arguments.no_laws) contestant.laws = check_laws(arguments, *subject, name, seed, hangs);
    contestant.measured = std::move(measured);
  } catch (const SubjectUnavailable& error) {
    contestant.skipped = untrusted_line(error.what(), message_bytes);
  }
  return contestant;
}

/// A result that goes to stdout takes the table's place.
bool takes_stdout(const CompareArguments& arguments) {
  return arguments.json == "-" || arguments.markdown == "-" || arguments.html == "-";
}

int run_compare(const CompareArguments& arguments) {
  require_writable_file("--json", arguments.json);
  require_writable_file("--markdown", arguments.markdown);
  require_writable_file("--report", arguments.html);
  if (!arguments.no_laws) require_writable_folder("--save", arguments.save);
  const std::uint64_t seed = seed_from(arguments.seed);
  std::vector<Entrant> entrants = entrants_from(arguments);
  League league;
  league.seed = seed;
  league.cases = arguments.cases;
  league.law_cases = arguments.no_laws ? 0 : arguments.law_cases;
  league.command = command_line(arguments, seed);
  league.bncheck_version = BNCHECK_VERSION;
  for (Entrant& entrant : entrants) {
    if (interruption()) break;
    league.contestants.push_back(play(arguments, std::move(entrant), seed));
  }
  league.interrupted = interruption();
  if (players(league).empty() && !league.interrupted) {
    throw SubjectUnavailable(league.contestants.front().skipped);
  }
  if (!takes_stdout(arguments)) fmt::print("{}", league_table(league));
  if (!arguments.json.empty()) write_text(arguments.json, league_json(league));
  if (!arguments.markdown.empty()) write_text(arguments.markdown, league_page(league));
  if (!arguments.html.empty()) write_text(arguments.html, league_html(league));
  return league.interrupted ? exit_interrupted : exit_holds;
}

}  // namespace

void add_compare(CLI::App& app, int& status) {
  auto arguments = std::make_shared<CompareArguments>();
  CLI::App* command = app.add_subcommand(
      "compare", "the same cases put to several subjects: laws, accuracy classes, worst errors");
  command->footer(
      "Exit status 0 whatever the figures say, for comparing is no verdict; 3 where no subject could be run. "
      "A "
      "subject\nthat cannot be run is a row that says why.");
  command->add_option("subjects", arguments->subjects, "the BatchNorms to compare ('bncheck list subjects')")
      ->required();
  command->add_option("--cases", arguments->cases, "cases per pass and regime of values")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--law-cases", arguments->law_cases, "applicable cases per law")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_flag("--no-laws", arguments->no_laws, "measure errors only");
  command->add_option("--seed", arguments->seed,
                      "integer that the cases follow from (default: a random one)");
  command->add_option("--json", arguments->json,
                      "write the result as JSON to this file; - is stdout, without the table");
  command->add_option("--markdown", arguments->markdown,
                      "write the summary as Markdown to this file; - is stdout, without the table");
  command->add_option("--report", arguments->html,
                      "write everything as one HTML file; - is stdout, without the table");
  command->add_option("--save", arguments->save, "folder for the cases that violate a law")
      ->capture_default_str();
  add_foreign_options(*command, arguments->limits);
  command->callback([arguments, &status] { status = run_compare(*arguments); });
}

}  // namespace bncheck
