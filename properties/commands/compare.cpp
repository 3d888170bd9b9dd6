#include <fmt/format.h>

#include <memory>

#include "commands/commands.hpp"
#include "commands/common.hpp"
#include "report/league.hpp"

namespace bncheck {
namespace {

struct CompareArguments {
  std::vector<std::string> subjects;
  int cases = 20;
  std::string seed, json;
  ForeignLimits limits;
};

int run_compare(const CompareArguments& arguments) {
  require_writable_file("--json", arguments.json);
  const std::uint64_t seed = seed_from(arguments.seed);
  std::vector<std::unique_ptr<Subject>> subjects;
  for (const std::string& name : arguments.subjects)
    subjects.push_back(subject_from(name, "", arguments.limits));
  std::vector<Contestant> contestants;
  for (std::size_t k = 0; k < subjects.size() && !interruption(); ++k) {
    contestants.push_back({arguments.subjects[k], subjects[k]->version(),
                           measure(*subjects[k], arguments.cases, seed, interruption())});
  }
  if (arguments.json != "-") fmt::print("{}", league_table(contestants, seed));
  if (!arguments.json.empty()) write_text(arguments.json, league_json(contestants, seed));
  return interruption() ? exit_interrupted : exit_holds;
}

}  // namespace

void add_compare(CLI::App& app, int& status) {
  auto arguments = std::make_shared<CompareArguments>();
  CLI::App* command = app.add_subcommand(
      "compare", "the same cases put to several subjects: worst errors per operation and regime");
  command->add_option("subjects", arguments->subjects, "the BatchNorms to compare ('bncheck list subjects')")
      ->required();
  command->add_option("--cases", arguments->cases, "cases per operation and regime")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed,
                      "integer that the cases follow from (default: a random one)");
  command->add_option("--json", arguments->json,
                      "write the table as JSON to this file; - is stdout, without the table");
  add_foreign_options(*command, arguments->limits);
  command->callback([arguments, &status] { status = run_compare(*arguments); });
}

}  // namespace bncheck
