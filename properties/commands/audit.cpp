#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <thread>

#include "bncheck/case_file.hpp"
#include "commands/commands.hpp"
#include "commands/common.hpp"
#include "laws/catalogue.hpp"
#include "report/audit_report.hpp"
#include "report/html_report.hpp"

namespace bncheck {
namespace {

struct AuditArguments {
  std::string seed = "1", law = "*", fault = "*", only, json, markdown, html, save;
  int seeds = 10, cases = 100, control_cases = 100;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  bool shrink = false;
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

void save(const std::string& folder, const std::string& name, const Law& law, const Case& c,
          const std::string& message) {
  const std::filesystem::path path =
      std::filesystem::path(folder) / fmt::format("{}-{}.safetensors", name, law.name);
  std::filesystem::create_directories(folder);
  save_case(path, {c, {{"law", law.name}, {"subject", name}, {"message", message}}});
}

void save_cases(const std::string& folder, const AuditReport& report) {
  for (const Alarm& alarm : first_alarms(report.result)) {
    save(folder, "control:" + alarm.subject, *alarm.law, alarm.content, alarm.message);
  }
  for (std::size_t f = 0; f < report.shrunk.size(); ++f) {
    const ShrunkCase& shrunk = report.shrunk[f];
    if (!shrunk.content) continue;
    save(folder, "fault:" + report.result.plan.faults[f].name, *shrunk.law, *shrunk.content,
         shrunk.verdict.message);
  }
}

int run_audit(const AuditArguments& arguments) {
  AuditPlan plan = plan_from(arguments);
  require_writable_file("--json", arguments.json);
  require_writable_file("--markdown", arguments.markdown);
  require_writable_file("--report", arguments.html);
  if (!arguments.save.empty()) require_writable_folder("--save", arguments.save);
  AuditOptions options;
  options.seed = seed_from(arguments.seed);
  options.seeds = arguments.seeds;
  options.cases = arguments.cases;
  options.control_cases = arguments.control_cases;
  options.jobs = arguments.jobs;
  options.interrupted = &interruption();
  const bool shows_progress = stderr_is_terminal();
  options.progress = [&](const char* task, std::size_t done, std::size_t of) {
    if (shows_progress) fmt::print(stderr, "\r\033[K[{}/{}] {}", done, of, task);
  };
  AuditReport report{audit(std::move(plan), options), {}, command_line(arguments), BNCHECK_VERSION};
  if (arguments.shrink) report.shrunk = shrink_faults(report.result, std::chrono::seconds(2));
  if (shows_progress) fmt::print(stderr, "\r\033[K");
  const bool table = arguments.json != "-" && arguments.markdown != "-" && arguments.html != "-";
  if (table) fmt::print("{}", audit_table(report));
  if (!arguments.json.empty()) write_text(arguments.json, audit_json(report));
  if (!arguments.markdown.empty()) write_text(arguments.markdown, audit_page(report));
  if (!arguments.html.empty()) write_text(arguments.html, audit_html(report));
  if (!arguments.save.empty()) save_cases(arguments.save, report);
  if (interruption()) return exit_interrupted;
  return is_clean(report.result) ? exit_holds : exit_violated;
}

}  // namespace

void add_audit(CLI::App& app, int& status) {
  auto arguments = std::make_shared<AuditArguments>();
  CLI::App* command = app.add_subcommand(
      "audit", "how strong the laws are: which faulty variants they tell from right ones, and how soon");
  command->footer(
      "Exit status 1: a fault was not detected from every seed, or a control was accused; the output says "
      "which.");
  command->add_option("--seed", arguments->seed, "first of the seeds that the cases follow from")
      ->capture_default_str();
  command->add_option("--seeds", arguments->seeds, "how often every fault is looked for")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command
      ->add_option("--cases", arguments->cases,
                   "applicable cases per law and seed; a tenth, at least 2, of laws with large cases")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--control-cases", arguments->control_cases, "the same per law and control")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  command->add_option("--only", arguments->only, "'faults' or 'controls'")
      ->check(CLI::IsMember({"faults", "controls"}));
  command->add_option("--law", arguments->law, "only the laws that match this pattern with * and ?")
      ->capture_default_str();
  command->add_option("--fault", arguments->fault, "only the faults that match this pattern with * and ?")
      ->capture_default_str();
  command->add_option("--jobs", arguments->jobs, "threads (default: as many as the machine has)")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--shrink", arguments->shrink,
                    "look for the smallest case of each fault, 2 s each, by the law that tells it quickest");
  command->add_option("--json", arguments->json,
                      "write the report as JSON to this file; - is stdout, without the table");
  command->add_option("--markdown", arguments->markdown,
                      "write the report as a Markdown page to this file; - is stdout, without the table");
  command->add_option("--report", arguments->html,
                      "write the report as one HTML file; - is stdout, without the table");
  command->add_option("--save", arguments->save,
                      "folder for the shrunk cases and for the first case of each alarm");
  command->callback([arguments, &status] { status = run_audit(*arguments); });
}

}  // namespace bncheck
