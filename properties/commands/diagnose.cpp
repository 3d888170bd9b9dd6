#include "search/diagnose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "commands/commands.hpp"
#include "commands/common.hpp"
#include "report/diagnosis.hpp"
#include "subjects/registry.hpp"

namespace bncheck {
namespace {

struct DiagnoseArguments {
  std::string subject = "bn", json;
  ForeignLimits limits;
};

int run_diagnose(const DiagnoseArguments& arguments) {
  require_writable_file("--json", arguments.json);
  const std::unique_ptr<Subject> subject = subject_from(arguments.subject, "", arguments.limits);
  if (std::ranges::find(subject->can().dtypes, DtypePair{}) == subject->can().dtypes.end()) {
    throw SubjectUnavailable("subject '" + arguments.subject +
                             "' takes no float32, expected one that does: the experiments are in float32");
  }
  const Diagnosis diagnosis = diagnose(*subject);
  if (arguments.json != "-") {
    fmt::print("{}", show_diagnosis(diagnosis, arguments.subject, stdout_style()));
  }
  if (!arguments.json.empty()) {
    write_text(arguments.json, to_json(diagnosis, arguments.subject, subject->version()));
  }
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
  command->add_option("--json", arguments->json,
                      "write the findings as JSON to this file; - is stdout, without the table");
  add_foreign_options(*command, arguments->limits);
  command->footer(
      "Exit status: 0 a dialect explains every answer; 1 none explains some experiment, which is named.");
  command->callback([arguments, &status] { status = run_diagnose(*arguments); });
}

}  // namespace bncheck
