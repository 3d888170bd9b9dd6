#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <thread>

#include "bncheck/case_file.hpp"
#include "commands/commands.hpp"
#include "commands/common.hpp"
#include "commands/output.hpp"
#include "commands/reports.hpp"
#include "commands/signals.hpp"
#include "commands/writable.hpp"
#include "laws/catalogue.hpp"
#include "report/audit_report.hpp"
#include "report/html_report.hpp"

namespace bncheck {
namespace {

struct AuditArguments {
  std::string seed = "1", law = "*", fault = "*", only, save;
  int seeds = 10, cases = 100, control_cases = 100;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  bool shrink = false;
  Reports reports;
};

AuditPlan plan_from(const AuditArguments& arguments) {
  AuditPlan plan = whole_audit();
  plan.laws = laws_from(arguments.law);
  std::erase_if(plan.faults,
                [&](const AuditSubject& fault) { return !matches(arguments.fault, fault.name); });
  if (plan.faults.empty()) {
    throw UsageError("no fault matches '" + arguments.fault +
                     "', expected a name or a pattern with * and ? ('bncheck list faults')");
  }
  if (arguments.only == "faults") plan.controls.clear();
  if (arguments.only == "controls") plan.faults.clear();
  return plan;
}

std::string command_line(const AuditArguments& arguments) {
  std::string line = fmt::format("bncheck audit --seed {} --seeds {} --cases {} --control-cases {}",
                                 arguments.seed, arguments.seeds, arguments.cases, arguments.control_cases);
  if (arguments.law != "*") line += " --law " + shell_quoted(arguments.law);
  if (arguments.fault != "*") line += " --fault " + shell_quoted(arguments.fault);
  if (!arguments.only.empty()) line += " --only " + arguments.only;
  return line + (arguments.shrink ? " --shrink" : "");
}

/// Saves one case. Returns false after a line on stderr if it could not be written.
bool save(const std::string& folder, const std::string& name, const Law& law, const Case& c,
          const std::string& message) {
  const std::filesystem::path path =
      std::filesystem::path(folder) / fmt::format("{}-{}.safetensors", name, law.name);
  try {
    std::filesystem::create_directories(folder);
    save_case(path, {c, {{"law", law.name}, {"subject", name}, {"message", message}}});
    return true;
  } catch (const std::runtime_error& error) {
    complain(error.what());
    return false;
  }
}

/// Saves all cases. Returns false if one of them could not be written.
bool save_cases(const std::string& folder, const AuditReport& report) {
  bool all = true;
  for (const Alarm& alarm : first_alarms(report.result)) {
    all = save(folder, "control:" + alarm.subject, *alarm.law, alarm.content, alarm.message) && all;
  }
  for (std::size_t f = 0; f < report.shrunk.size(); ++f) {
    const ShrunkCase& shrunk = report.shrunk[f];
    if (!shrunk.content) continue;
    const std::string name = "fault:" + report.result.plan.faults[f].name;
    all = save(folder, name, *shrunk.law, *shrunk.content, shrunk.verdict.message) && all;
  }
  return all;
}

int run_audit(const AuditArguments& arguments) {
  AuditPlan plan = plan_from(arguments);
  arguments.reports.require_writable();
  if (!arguments.save.empty()) require_writable_folder("--save", arguments.save);
  AuditOptions options;
  options.seed = seed_from(arguments.seed);
  options.seeds = arguments.seeds;
  options.cases = arguments.cases;
  options.control_cases = arguments.control_cases;
  options.jobs = arguments.jobs;
  options.interrupted = &interruption();
  const bool with_progress = shows_progress();
  options.progress = [&](const char* task, std::size_t done, std::size_t of) {
    if (with_progress) show_progress(fmt::format("[{}/{}] {}", done, of, task));
  };
  AuditReport report{audit(std::move(plan), options), {}, command_line(arguments), BNCHECK_VERSION};
  if (arguments.shrink && !interruption())
    report.shrunk = shrink_faults(report.result, std::chrono::seconds(2));
  if (with_progress) show_progress("");
  if (!arguments.reports.take_stdout()) print_text(audit_table(report));
  const bool reported = arguments.reports.write({{"--json", [&] { return audit_json(report); }},
                                                 {"--markdown", [&] { return audit_page(report); }},
                                                 {"--report", [&] { return audit_html(report); }}});
  const bool saved = arguments.save.empty() || save_cases(arguments.save, report);
  if (!reported || !saved) return exit_usage;
  if (interruption()) return exit_interrupted;
  return is_clean(report.result) ? exit_holds : exit_violated;
}

}  // namespace

void add_audit(CLI::App& app, int& status) {
  auto arguments = std::make_shared<AuditArguments>();
  CLI::App* command = app.add_subcommand(
      "audit", "how strong the laws are: which faulty variants they tell from right ones, and how soon");
  command->add_option("--seed", arguments->seed, "first of the seeds that the cases follow from")
      ->capture_default_str();
  command->add_option("--seeds", arguments->seeds, "how often every fault is looked for")
      ->check(integer_in(1, 1000))
      ->capture_default_str();
  command
      ->add_option("--cases", arguments->cases,
                   "applicable cases per law and seed; a tenth, at least 2, of laws with large cases")
      ->check(integer_in(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--control-cases", arguments->control_cases, "the same per law and control")
      ->check(integer_in(1, 10'000'000))
      ->capture_default_str();
  command->add_option("--only", arguments->only, "'faults' or 'controls'")
      ->check(CLI::IsMember({"faults", "controls"}));
  command
      ->add_option("--law", arguments->law,
                   "only the laws that match one of these patterns with * and ?, and none after a !")
      ->capture_default_str();
  command->add_option("--fault", arguments->fault, "only the faults that match this pattern with * and ?")
      ->capture_default_str();
  command->add_option("--jobs", arguments->jobs, "threads (default: as many as the machine has)")
      ->check(integer_in(1, 1024));
  command->add_flag("--shrink", arguments->shrink,
                    "look for the smallest case of each fault, 2 s each, by the law that tells it quickest");
  arguments->reports.add_option(*command, "--json", "write the report as JSON to this file");
  arguments->reports.add_option(*command, "--markdown", "write the report as a Markdown page to this file");
  arguments->reports.add_option(*command, "--report", "write the report as one HTML file");
  command->add_option("--save", arguments->save,
                      "folder for the shrunk cases and for the first case of each alarm");
  command->callback([arguments, &status] { status = run_audit(*arguments); });
}

}  // namespace bncheck
