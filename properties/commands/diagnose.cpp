#include "search/diagnose.hpp"

#include <algorithm>
#include <memory>

#include "commands/commands.hpp"
#include "commands/common.hpp"
#include "commands/output.hpp"
#include "commands/reports.hpp"
#include "report/diagnosis.hpp"
#include "subjects/registry.hpp"

namespace bncheck {
namespace {

struct DiagnoseArguments {
  std::string subject = "bn";
  Reports reports;
  ForeignLimits limits;
};

int run_diagnose(const DiagnoseArguments& arguments) {
  arguments.reports.require_writable();
  const std::unique_ptr<Subject> subject = subject_from(arguments.subject, "", arguments.limits);
  if (std::ranges::find(subject->can().dtypes, DtypePair{}) == subject->can().dtypes.end()) {
    throw SubjectUnavailable("subject '" + arguments.subject +
                             "' takes no float32, expected one that does: the experiments are in float32");
  }
  const Diagnosis diagnosis = diagnose(*subject);
  if (!arguments.reports.take_stdout()) {
    print_text(show_diagnosis(diagnosis, arguments.subject, stdout_style()));
  }
  const bool reported = arguments.reports.write(
      {{"--json", [&] { return to_json(diagnosis, arguments.subject, subject->version()); }}});
  if (!reported) return exit_usage;
  if (diagnosis.asked == 0) {
    throw SubjectUnavailable("subject '" + arguments.subject + "' answered no experiment");
  }
  return diagnosis.unexplained.empty() ? exit_holds : exit_violated;
}

}  // namespace

void add_diagnose(CLI::App& app, int& status) {
  auto arguments = std::make_shared<DiagnoseArguments>();
  CLI::App* command = app.add_subcommand("diagnose", "find out by experiment which dialect a subject speaks");
  command->add_option("subject", arguments->subject, "the BatchNorm to ask ('bncheck list subjects')")
      ->capture_default_str();
  arguments->reports.add_option(*command, "--json", "write the findings as JSON to this file");
  add_foreign_options(*command, arguments->limits);
  command->footer(
      "Exit status: 0 a dialect explains every answer; 1 none explains some experiment, which is named.");
  command->callback([arguments, &status] { status = run_diagnose(*arguments); });
}

}  // namespace bncheck
