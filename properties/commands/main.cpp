#include <exception>
#include <string_view>

#include "bncheck/untrusted_text.hpp"
#include "commands/commands.hpp"
#include "commands/help.hpp"
#include "commands/inherited_state.hpp"
#include "commands/output.hpp"
#include "commands/signals.hpp"
#include "subjects/peers.hpp"
#include "subjects/registry.hpp"

namespace {

/// Reports an error in one line on stderr, whatever it contains.
int report(const std::string& message, int status) {
  bncheck::complain(message);
  return status;
}

/// Reports an unknown command. CLI11 would only say that a command is missing.
void require_known_command(const CLI::App& app, const std::string& word) {
  if (word.starts_with("-")) return;
  std::string known;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == word) return;
    known += (known.empty() ? "" : ", ") + command->get_name();
  }
  throw bncheck::UsageError("unknown command '" + word + "', expected one of: " + known);
}

/// Refuses empty values of options. A script passes one for a variable that is not set, and it would count as
/// no option.
void require_values(CLI::App& app) {
  for (CLI::App* command : app.get_subcommands({})) {
    for (CLI::Option* option : command->get_options()) {
      if (option->get_positional() || option->get_expected_max() == 0) continue;
      option->check(
          CLI::Validator([](std::string& text) { return text.empty() ? "'', expected a value" : ""; }, ""));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  using namespace bncheck;
  prepare_process();
  mend_inherited_state();
  CLI::App app("Checks BatchNorm implementations against an exact oracle.", "bncheck");
  app.set_version_flag("--version", "bncheck " BNCHECK_VERSION);
  app.require_subcommand(1);
  add_subjects(peer_entries());
  int status = exit_usage;
  add_check(app, status);
  add_audit(app, status);
  add_compare(app, status);
  add_diagnose(app, status);
  add_replay(app, status);
  add_oracle(app, status);
  add_gen(app, status);
  add_judge(app, status);
  add_list(app, status);
  add_serve(app, status);
  // Commands inherit a footer that is there when they are added.
  app.footer(
      "Exit status: 0 well; 1 a finding that fails; 2 usage, or a file that cannot be read or written; 3 the subject\n"
      "could not be run; 4 inconclusive; 130 interrupted. If several apply: 2, 3, 130, 1, 4. The help of each command\n"
      "says more.");
  require_values(app);
  style_help(app);
  try {
    if (argc > 1) require_known_command(app, argv[1]);
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    status = app.exit(success);
  } catch (const CLI::ParseError& error) {
    return report(std::string(error.what()) + " (bncheck --help)", exit_usage);
  } catch (const UsageError& error) {
    return report(error.what(), exit_usage);
  } catch (const SubjectUnavailable& error) {
    return report(error.what(), exit_cannot_run);
  } catch (const Interrupted&) {
    return report("interrupted before the first case", exit_interrupted);
  } catch (const std::exception& error) {
    return report(error.what(), exit_usage);
  }
  if (!output_is_whole()) {
    return report("cannot write to stdout: the output is incomplete", exit_usage);
  }
  return status;
}
