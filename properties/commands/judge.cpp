#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "bncheck/case_file.hpp"
#include "bncheck/output_file.hpp"
#include "bncheck/untrusted_text.hpp"
#include "commands/case_set.hpp"
#include "commands/commands.hpp"
#include "commands/common.hpp"
#include "commands/output.hpp"
#include "commands/reports.hpp"
#include "commands/signals.hpp"
#include "report/judged_files.hpp"
#include "subjects/recorded.hpp"

namespace bncheck {
namespace {

namespace fs = std::filesystem;

struct JudgeArguments {
  std::string cases, dialect, numerics = "sound";
  std::vector<std::string> outputs;
  bool non_finite = false;
  RankOptions ranks;
  Reports reports;
};

struct FilePair {
  fs::path case_file, output_file;
  /// Whether the user named the output file, which may then be a pipe: <(command).
  bool named_by_user = true;
};

/// Pairs each case of the set with the output file of its name.
std::vector<FilePair> pairs_of_sets(const fs::path& cases, const std::vector<std::string>& outputs,
                                    const CaseSet& set) {
  if (outputs.size() != 1 || !fs::is_directory(outputs.front())) {
    throw UsageError("'" + cases.string() + "' is a folder, expected one folder of outputs instead of '" +
                     outputs.front() + "'");
  }
  const std::string suffix = case_suffix;
  std::vector<FilePair> pairs;
  for (const CaseSetFile& file : set.files) {
    if (file.kind != "case" || !file.name.ends_with(suffix)) continue;
    const std::string stem = file.name.substr(0, file.name.size() - suffix.size());
    pairs.push_back({cases / file.name, fs::path(outputs.front()) / (stem + output_suffix), false});
  }
  return pairs;
}

void judge_pair(const FilePair& pair, Capabilities can, ErrorStatistics& statistics, JudgedFile& judged) {
  if (!fs::exists(pair.output_file)) {
    judged.kind = JudgedFile::Kind::missing;
    judged.message = "there is no such file, expected what was made of " + pair.case_file.filename().string();
    return;
  }
  OutputFile outputs;
  try {
    if (!pair.named_by_user && !fs::is_regular_file(pair.output_file)) {
      throw std::runtime_error("'" + pair.output_file.string() + "' is no regular file");
    }
    outputs = load_outputs(pair.output_file);
    if (outputs.calls.size() != judged.content.calls.size()) {
      throw std::runtime_error(fmt::format("'{}' has {} calls, expected the {} of '{}'",
                                           pair.output_file.string(), outputs.calls.size(),
                                           judged.content.calls.size(), pair.case_file.string()));
    }
  } catch (const std::runtime_error& error) {
    judged.kind = JudgedFile::Kind::unreadable;
    judged.message = untrusted_line(error.what(), message_bytes);
    return;
  }
  // The program that made the outputs takes the dtypes of the case that it was given.
  can.dtypes = {dtypes_in(judged.content)};
  RecordedSubject subject(std::move(outputs), can);
  Runner runner(subject);
  runner.set_sink(&statistics);
  OutcomeJudgement judgement;
  const auto judge = [&] {
    return settled([&] {
      judgement = judge_outcome(runner.run(judged.content), can, Judged::all);
      return judgement.verdict;
    });
  };
  const Verdict verdict = judge();
  judged.mismatches = verdict.mismatches;
  judged.message = untrusted_line(verdict.message, message_bytes);
  if (verdict.is_bad()) {
    judged.kind = JudgedFile::Kind::violated;
    judged.rank = rank_of(verdict, runner, judge);
  } else if (verdict.kind != Verdict::Kind::holds || judgement.judged == 0) {
    judged.kind = JudgedFile::Kind::not_judged;
    if (judged.message.empty()) judged.message = judgement.unjudged;
  }
}

/// Judges one file. A case that cannot be read is an error of the user; an output file that cannot be read is
/// a result like others.
JudgedFile judge_file(const FilePair& pair, const Capabilities& can, ErrorStatistics& statistics) {
  JudgedFile judged;
  judged.case_file = pair.case_file.string();
  judged.output_file = pair.output_file.string();
  try {
    judged.content = load_case(pair.case_file).content;
  } catch (const std::runtime_error& error) {
    throw UsageError(error.what());
  }
  if (judged.content.calls.empty()) {
    judged.kind = JudgedFile::Kind::not_judged;
    judged.message = "the case has no calls";
    return judged;
  }
  judge_pair(pair, can, statistics, judged);
  // The case is shown only where values are wrong.
  if (judged.mismatches.empty()) judged.content = {};
  return judged;
}

int status_of(const JudgedFiles& judged, const std::set<Rank>& fail_on) {
  using Kind = JudgedFile::Kind;
  if (judged.count(Kind::unreadable) > 0) return exit_usage;
  const bool failed = std::ranges::any_of(judged.files, [&](const JudgedFile& file) {
    return file.kind == Kind::missing || (file.kind == Kind::violated && fail_on.contains(file.rank));
  });
  if (failed) return exit_violated;
  return judged.count(Kind::holds) + judged.count(Kind::violated) > 0 ? exit_holds : exit_inconclusive;
}

int run_judge(const JudgeArguments& arguments) {
  arguments.reports.require_writable();
  const std::set<Rank> fail_on = arguments.ranks.ranks("");
  std::vector<FilePair> pairs;
  std::string dialect = "pytorch";
  if (fs::is_directory(arguments.cases)) {
    const CaseSet set = read_case_set(arguments.cases);
    dialect = set.dialect;
    pairs = pairs_of_sets(arguments.cases, arguments.outputs, set);
  } else {
    for (const std::string& output : arguments.outputs) pairs.push_back({arguments.cases, output, true});
  }
  Capabilities can;
  can.dialect = dialect_from(arguments.dialect.empty() ? dialect : arguments.dialect);
  can.numerics = numerics_from(arguments.numerics);
  can.non_finite_rule = arguments.non_finite;
  ErrorStatistics statistics(can.dialect);
  JudgedFiles judged{text_of(can.dialect), text_of(can.numerics), false, {}, {}};
  const std::atomic<bool>& interrupted = interruption();
  const bool prints = !arguments.reports.take_stdout();
  for (const FilePair& pair : pairs) {
    if (interrupted) break;
    judged.files.push_back(judge_file(pair, can, statistics));
    const JudgedFile& file = judged.files.back();
    if (file.kind == JudgedFile::Kind::unreadable) complain(file.message);
    if (prints && file.kind != JudgedFile::Kind::unreadable) print_text(show_judged(file));
  }
  judged.interrupted = judged.files.size() < pairs.size();
  judged.accuracy = statistics.passes();
  if (prints) print("{}{}", output_table(judged.accuracy), judged_summary(judged));
  if (!arguments.reports.write({{"--json", [&] { return judged_json(judged); }}})) return exit_usage;
  return judged.interrupted ? exit_interrupted : status_of(judged, fail_on);
}

}  // namespace

void add_judge(CLI::App& app, int& status) {
  auto arguments = std::make_shared<JudgeArguments>();
  CLI::App* command = app.add_subcommand("judge", "judge outputs that were made elsewhere, from files");
  command->footer(
      "An output file is described in oracle/include/bncheck/output_file.hpp. Of a folder that 'bncheck "
      "gen'\n"
      "wrote, NAME.case.safetensors is judged by NAME.output.safetensors in the folder of outputs.");
  command->add_option("case", arguments->cases, "case file, or a folder that 'bncheck gen' wrote")
      ->required();
  command
      ->add_option("output", arguments->outputs,
                   "files with what BatchNorms made of the case, or a folder of such files")
      ->required();
  command->add_option("--dialect", arguments->dialect,
                      "dialect of what made the outputs (default: that of the folder, or pytorch)");
  command
      ->add_option("--numerics", arguments->numerics,
                   "claim to hold it to: exact, faithful or sound, and knobs such as sound,summation=naive")
      ->capture_default_str();
  command->add_flag("--non-finite", arguments->non_finite,
                    "judge infinities and NaN too, by the formula in the extended reals");
  add_rank_options(*command, arguments->ranks);
  arguments->reports.add_option(*command, "--json", "write the judgement as JSON to this file");
  command->callback([arguments, &status] { status = run_judge(*arguments); });
}

}  // namespace bncheck
