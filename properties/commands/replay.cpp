#include <fmt/format.h>

#include <memory>

#include "bncheck/case_file.hpp"
#include "bncheck/untrusted_text.hpp"
#include "commands/commands.hpp"
#include "commands/common.hpp"
#include "commands/output.hpp"
#include "commands/signals.hpp"
#include "laws/catalogue.hpp"
#include "report/results.hpp"
#include "report/show_case.hpp"
#include "search/explanation.hpp"
#include "search/failure_store.hpp"

namespace bncheck {
namespace {

struct ReplayArguments {
  std::vector<std::string> files;
  std::string subject = "bn", law;
  Declaration declared;
  bool quiet = false;
  RankOptions ranks;
  ForeignLimits limits;
};

/// The laws that the user or the file names; otherwise every law.
std::vector<const Law*> laws_for(const ReplayArguments& arguments, const CaseFile& file) {
  if (!arguments.law.empty()) return laws_from(arguments.law);
  const auto named = file.notes.find("law");
  if (named == file.notes.end()) return laws_from("*");
  const Law* law = law_named(named->second);
  if (law == nullptr)
    throw UsageError("the file names the unknown law " + in_quotes(named->second) +
                     " (--law chooses another)");
  return {law};
}

struct Tally {
  int judged = 0, failed = 0;
  std::string reason;  ///< reason of the last law that did not apply
};

void replay_law(const Law& law, const Case& c, Runner& runner, const std::set<Rank>& fail_on, Tally& tally) {
  const auto excluded = unmet_need(law, runner.can());
  Verdict verdict = excluded ? Verdict::not_applicable(*excluded) : check_case(law, c, runner);
  switch (verdict.kind) {
    case Verdict::Kind::not_applicable:
      tally.reason = law.name + ": " + verdict.message;
      return;
    case Verdict::Kind::holds: {
      ++tally.judged;
      print("  {}: holds", law.name);
      if (verdict.worst_ratio > 0) {
        print(", worst {} ulps, ratio {}", show_measure(verdict.worst_ulps),
              show_measure(verdict.worst_ratio));
      }
      print("\n");
      return;
    }
    default:
      break;
  }
  ++tally.judged;
  const Rank rank = rank_of(verdict, law, c, runner);
  if (fail_on.contains(rank)) ++tally.failed;
  const bool violated = verdict.kind == Verdict::Kind::violated;
  print("  {}: {}: {}\n{}", law.name, violated ? name_of(rank) : name_of(verdict.kind),
        untrusted_line(verdict.message, message_bytes), show_mismatches(c, verdict.mismatches));
  if (!violated) return;
  for (const Explanation& explanation :
       explanations_of(law, c, c, rank, runner.subject(), nullptr, [] { return interruption().load(); })) {
    print("  {}\n", show(explanation));
  }
}

/// Runs the cases after which the file's case fails, in a subject that has just started.
void run_before(const std::string& name, const CaseFile& file, Runner& runner) {
  const std::vector<Case> before = cases_before(name, file);
  if (before.empty()) return;
  runner.run_afresh(before);
  print("  after {}: {}\n", show_count("other case", static_cast<int>(before.size())),
        untrusted_line(file.notes.at("after"), message_bytes));
}

int run_replay(const ReplayArguments& arguments) {
  const std::unique_ptr<Subject> subject =
      subject_from(arguments.subject, arguments.declared, arguments.limits);
  const std::set<Rank> fail_on = arguments.ranks.ranks(arguments.subject);
  Runner runner(*subject);
  bool violated = false;
  bool undecided = false;
  for (const std::string& name : arguments.files) {
    CaseFile file;
    try {
      file = load_case(name);
    } catch (const std::runtime_error& error) {
      throw UsageError(error.what());
    }
    if (const std::string reason = refused_dtypes(file.content, subject->can().dtypes); !reason.empty()) {
      throw UsageError("'" + name + "': " + reason);
    }
    const std::vector<const Law*> laws = laws_for(arguments, file);
    print("{} on {} {}\n", untrusted_line(name, message_bytes),
          untrusted_line(arguments.subject, message_bytes), untrusted_line(subject->version()));
    if (!arguments.quiet) print_text(show_case(file.content));
    try {
      run_before(name, file, runner);
    } catch (const SubjectUnavailable&) {
      throw;
    } catch (const std::runtime_error& error) {
      throw UsageError(error.what());
    }
    Tally tally;
    for (const Law* law : laws) replay_law(*law, file.content, runner, fail_on, tally);
    if (tally.judged == 0) {
      print("  none of {} {} applies to this case: {}\n", laws.size(), laws.size() == 1 ? "law" : "laws",
            untrusted_line(tally.reason, message_bytes));
    }
    violated = violated || tally.failed > 0;
    undecided = undecided || tally.judged == 0;
  }
  if (const std::optional<Death> death = subject->finish()) {
    fmt::print("  {}: died: {}\n", ending_law().name, verdict_of_end(*death).message);
    violated = true;
  }
  return violated ? exit_violated : undecided ? exit_inconclusive : exit_holds;
}

}  // namespace

void add_replay(CLI::App& app, int& status) {
  auto arguments = std::make_shared<ReplayArguments>();
  CLI::App* command = app.add_subcommand("replay", "run saved cases again, on any subject");
  command->add_option("case", arguments->files, "case files")->required();
  command->add_option("--subject", arguments->subject, "the BatchNorm to run them on")->capture_default_str();
  command->add_option("--law", arguments->law,
                      "laws to judge by, with * and ? (default: the law that the file names)");
  add_declaration_options(*command, arguments->declared);
  command->add_flag("--quiet", arguments->quiet, "leave out the case itself");
  add_rank_options(*command, arguments->ranks);
  add_foreign_options(*command, arguments->limits);
  command->callback([arguments, &status] { status = run_replay(*arguments); });
}

}  // namespace bncheck
