#include "search/diagnose.hpp"

#include <algorithm>
#include <memory>

#include "commands/commands.hpp"
#include "commands/common.hpp"
#include "commands/output.hpp"
#include "commands/reports.hpp"
#include "commands/signals.hpp"
#include "laws/catalogue.hpp"
#include "report/diagnosis.hpp"
#include "subjects/registry.hpp"

namespace bncheck {
namespace {

struct DiagnoseArguments {
  std::string subject = "bn";
  bool dialect_only = false;
  Reports reports;
  ForeignLimits limits;
};

/// Throws SubjectUnavailable where there is nothing to ask.
Diagnosis diagnosis_of(Subject& subject, const std::string& name, bool dialect_only) {
  if (std::ranges::find(subject.can().dtypes, DtypePair{}) == subject.can().dtypes.end()) {
    throw SubjectUnavailable("subject '" + name +
                             "' takes no float32, expected one that does: the experiments are in float32");
  }
  Diagnosis diagnosis = diagnose(subject);
  if (diagnosis.asked == 0) diagnosis.lost = "subject '" + name + "' answered no experiment";
  // In a dialect that is not the subject's, what is found is not about accuracy.
  const bool explained = diagnosis.lost.empty() && diagnosis.unexplained.empty();
  if (explained && !diagnosis.rests_on_few() && !dialect_only) {
    constexpr std::uint64_t seed = 1;
    diagnosis.numerics = diagnose_numerics(subject, diagnosis.dialect, seed, &interruption());
  }
  if (const std::optional<Death> death = subject.finish())
    diagnosis.unexplained.push_back(verdict_of_end(*death).message);
  return diagnosis;
}

int run_diagnose(const DiagnoseArguments& arguments) {
  arguments.reports.require_writable();
  Diagnosis diagnosis;
  std::string version;
  try {
    const std::unique_ptr<Subject> subject = subject_from(arguments.subject, {}, arguments.limits);
    version = subject->version();
    diagnosis = diagnosis_of(*subject, arguments.subject, arguments.dialect_only);
  } catch (const SubjectUnavailable& error) {
    diagnosis.lost = error.what();
  }
  if (!diagnosis.knobs.empty() && !arguments.reports.take_stdout())
    print_text(show_diagnosis(diagnosis, arguments.subject, stdout_style()));
  if (!diagnosis.lost.empty()) complain(diagnosis.lost);
  // Reports of an earlier run do not stay as if they were of this one.
  const bool reported =
      arguments.reports.write({{"--json", [&] { return to_json(diagnosis, arguments.subject, version); }}});
  if (!reported) return exit_usage;
  if (!diagnosis.lost.empty()) return exit_cannot_run;
  if (!diagnosis.unexplained.empty()) return exit_violated;
  return diagnosis.rests_on_few() ? exit_inconclusive : exit_holds;
}

}  // namespace

void add_diagnose(CLI::App& app, int& status) {
  auto arguments = std::make_shared<DiagnoseArguments>();
  CLI::App* command = app.add_subcommand(
      "diagnose", "find out by experiment which dialect a subject speaks, and with which numerics");
  command->add_option("subject", arguments->subject, "the BatchNorm to ask ('bncheck list subjects')")
      ->capture_default_str();
  command->add_flag("--dialect-only", arguments->dialect_only,
                    "leave out the numerics, which take some hundred cases");
  arguments->reports.add_option(*command, "--json", "write the findings as JSON to this file");
  add_foreign_options(*command, arguments->limits);
  command->callback([arguments, &status] { status = run_diagnose(*arguments); });
}

}  // namespace bncheck
