#pragma once
/// The commands of the program bncheck. Each adds itself to the command line and sets its exit status.

#include <CLI/CLI.hpp>
#include <stdexcept>

namespace bncheck {

/// Exit statuses; if several apply, the first of usage, cannot_run, interrupted, violated, inconclusive.
enum ExitStatus : int {
  exit_holds = 0,
  exit_violated = 1,
  exit_usage = 2,
  exit_cannot_run = 3,
  exit_inconclusive = 4,
  exit_interrupted = 130,
};

/// An argument of the user cannot be used: one line on stderr, exit status 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Each function adds a subcommand whose callback sets `status`.
void add_audit(CLI::App& app, int& status);
void add_check(CLI::App& app, int& status);
void add_compare(CLI::App& app, int& status);
void add_gen(CLI::App& app, int& status);
void add_diagnose(CLI::App& app, int& status);
void add_judge(CLI::App& app, int& status);
void add_replay(CLI::App& app, int& status);
void add_oracle(CLI::App& app, int& status);
void add_serve(CLI::App& app, int& status);
void add_list(CLI::App& app, int& status);

}  // namespace bncheck
