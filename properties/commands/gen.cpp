#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "bncheck/answer_file.hpp"
#include "bncheck/case_file.hpp"
#include "commands/case_set.hpp"
#include "commands/commands.hpp"
#include "commands/common.hpp"
#include "commands/output.hpp"
#include "commands/signals.hpp"
#include "laws/catalogue.hpp"
#include "search/audit.hpp"
#include "search/measure.hpp"

namespace bncheck {
namespace {

struct GenArguments {
  std::string output, kind = "*", law, seed = "1", dialect = "pytorch";
  int cases = 5;
  bool with_answers = false, apart = false;
};

/// Source of cases: a workload, or a law's own generator.
struct Source {
  std::string kind;
  int cases = 0;
  std::function<Case(Draws&)> draw;
};

std::vector<Source> workload_sources(const GenArguments& arguments, const Dialect& dialect) {
  std::vector<Source> sources;
  std::string known;
  for (const Workload& workload : all_workloads()) {
    const std::string kind = kind_of(workload);
    known += (known.empty() ? "" : ", ") + kind;
    if (!matches(arguments.kind, kind)) continue;
    sources.push_back({kind, arguments.cases, [&](Draws& draws) { return workload.draw(draws, dialect); }});
  }
  if (sources.empty())
    throw UsageError("no kind matches '" + arguments.kind + "', expected one of: " + known);
  return sources;
}

std::vector<Source> law_sources(const GenArguments& arguments, const Capabilities& can) {
  std::vector<Source> sources;
  for (const Law* law : laws_from(arguments.law)) {
    if (unmet_need(*law, can)) continue;
    sources.push_back({law->name, cases_for(*law, arguments.cases),
                       [law, &can](Draws& draws) { return law->draw(draws, can); }});
  }
  if (sources.empty()) {
    throw UsageError("no law that matches '" + arguments.law + "' applies to the dialect " +
                     can.dialect.name);
  }
  return sources;
}

/// File name without ending: "backward_training-x_huge-0007".
std::string file_stem(const std::string& kind, int index) {
  std::string stem = kind;
  std::ranges::replace(stem, '/', '-');
  return fmt::format("{}-{:04}", stem, index);
}

void add_case(CaseSetWriter& writer, const Source& source, int index, const GenArguments& arguments,
              std::uint64_t seed, const Dialect& dialect) {
  RandomDraws draws(case_seed(seed, source.kind, static_cast<std::uint64_t>(index)),
                    arguments.law.empty() ? 100 : case_size(index, source.cases));
  CaseFile file{source.draw(draws), {{"kind", source.kind}, {"seed", std::to_string(seed)}}};
  if (!arguments.law.empty()) file.notes["law"] = source.kind;
  const std::string stem = file_stem(source.kind, index);
  writer.add(stem + case_suffix, "case", source.kind, write_archive(to_archive(file)));
  if (!arguments.with_answers) return;
  writer.add(stem + answer_suffix, "answer", source.kind,
             write_archive(answer_archive(file.content, dialect)));
}

int run_gen(const GenArguments& arguments) {
  Capabilities can;
  can.dialect = dialect_from(arguments.dialect);
  can.weight_or_bias_alone = arguments.apart;
  const std::uint64_t seed = seed_from(arguments.seed);
  const std::vector<Source> sources =
      arguments.law.empty() ? workload_sources(arguments, can.dialect) : law_sources(arguments, can);
  // Signals are handled before there is anything to remove.
  const std::atomic<bool>& interrupted = interruption();
  CaseSetWriter writer(arguments.output);
  const bool with_progress = shows_progress();
  int written = 0;
  for (const Source& source : sources) {
    if (with_progress) show_progress(fmt::format("{} {}", written, source.kind));
    for (int k = 0; k < source.cases; ++k, ++written) {
      if (interrupted) return exit_interrupted;
      add_case(writer, source, k, arguments, seed, can.dialect);
    }
  }
  if (with_progress) show_progress("");
  writer.finish(seed, text_of(can.dialect));
  print("{} {}{} of {} {} in {}, seed {}\n", written, written == 1 ? "case" : "cases",
        arguments.with_answers ? " with answers" : "", sources.size(), sources.size() == 1 ? "kind" : "kinds",
        arguments.output, seed);
  return exit_holds;
}

}  // namespace

void add_gen(CLI::App& app, int& status) {
  auto arguments = std::make_shared<GenArguments>();
  CLI::App* command = app.add_subcommand("gen", "write case files for what cannot be run from here");
  command->footer(
      "The folder gets NAME.case.safetensors files (oracle/include/bncheck/case_file.hpp), MANIFEST.json "
      "and\n"
      "SHA256SUMS. Put what your BatchNorm makes of them into NAME.output.safetensors files, and have them\n"
      "judged: bncheck judge DIR OUTPUTS.");
  command->add_option("-o,--output", arguments->output, "folder to write, new or empty")->required();
  command
      ->add_option("--cases", arguments->cases,
                   "cases per kind; a tenth, at least 2, of laws with large cases")
      ->check(integer_in(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "integer that the cases follow from")->capture_default_str();
  auto* kind = command
                   ->add_option("--kind", arguments->kind,
                                "only the kinds that match this pattern with * and ? ('bncheck list kinds')")
                   ->capture_default_str();
  command->add_option("--law", arguments->law, "the cases of the laws that match these patterns instead")
      ->excludes(kind);
  command->add_option("--dialect", arguments->dialect, "dialect of the state and of the answers")
      ->capture_default_str();
  command->add_flag("--apart", arguments->apart,
                    "with --law, also layers with a weight without a bias, and the reverse");
  command->add_flag("--with-answers", arguments->with_answers,
                    "also NAME.answer.safetensors: the exact answers, rounded to nearest");
  command->callback([arguments, &status] { status = run_gen(*arguments); });
}

}  // namespace bncheck
