#include <fmt/format.h>

#include <memory>

#include "bncheck/answer_file.hpp"
#include "bncheck/case_file.hpp"
#include "bncheck/walk.hpp"
#include "commands/commands.hpp"
#include "commands/common.hpp"
#include "commands/output.hpp"
#include "commands/writable.hpp"
#include "report/show_case.hpp"

namespace bncheck {
namespace {

struct OracleArguments {
  std::string file, dialect = "pytorch", output;
};

std::string show_answer(const Archive& archive) {
  std::string text;
  for (const auto& [key, value] : archive.metadata) {
    if (key.starts_with("call.")) text += fmt::format("{} = {}\n", key, value);
  }
  for (const auto& [name, tensor] : archive.tensors) {
    const bool usual = tensor.dtype == Dtype::f32;
    text += fmt::format("{} {}{}\n", name, to_string(tensor.shape),
                        usual ? "" : fmt::format(" {}", name_of(tensor.dtype)));
    const auto count = static_cast<std::int64_t>(tensor.size());
    for (std::int64_t i = 0; i < count; ++i) text += fmt::format("  {}\n", show_element(tensor, i));
  }
  return text;
}

/// One line per call that fails because of a vector, with what is wrong with it.
std::string show_misfits(const Case& c, const Dialect& dialect) {
  std::string text;
  for (Walk walk(c, dialect); !walk.done(); walk.advance()) {
    const std::string misfit = vector_misfit(walk.config(), walk.before(), walk.call(), dialect);
    if (!misfit.empty()) text += fmt::format("call.{}: {}\n", walk.index(), misfit);
  }
  return text;
}

int run_oracle(const OracleArguments& arguments) {
  const Dialect dialect = dialect_from(arguments.dialect);
  require_writable_file("--output", arguments.output);
  Archive answer;
  Case content;
  try {
    content = load_case(arguments.file).content;
    answer = answer_archive(content, dialect);
  } catch (const std::invalid_argument& error) {
    throw UsageError("'" + arguments.file + "': " + error.what());
  } catch (const std::runtime_error& error) {
    throw UsageError(error.what());
  }
  if (arguments.output.empty()) {
    print_text(show_misfits(content, dialect) + show_answer(answer));
    return exit_holds;
  }
  try {
    save_archive(arguments.output, answer);
  } catch (const std::runtime_error& error) {
    throw UsageError(error.what());
  }
  return exit_holds;
}

}  // namespace

void add_oracle(CLI::App& app, int& status) {
  auto arguments = std::make_shared<OracleArguments>();
  CLI::App* command =
      app.add_subcommand("oracle", "the exact answer to a case, rounded to nearest in each output's dtype");
  command->add_option("case", arguments->file, "case file")->required();
  command->add_option("--dialect", arguments->dialect, "dialect to answer in: NAME[,KNOB=VALUE]...")
      ->capture_default_str();
  command->add_option("-o,--output", arguments->output,
                      "write an answer file (safetensors) instead of printing the values");
  command->callback([arguments, &status] { status = run_oracle(*arguments); });
}

}  // namespace bncheck
