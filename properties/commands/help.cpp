#include "commands/help.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace bncheck {
namespace {

/// Style of an option or positional argument, the same in every command that has it. Positional arguments
/// have no heading.
struct Style {
  std::string_view name;
  const char* value;
  const char* heading = "Options";
};

constexpr const char* reports = "Reports";
constexpr const char* stored = "Stored cases";
constexpr const char* known = "Known findings";
constexpr const char* processes = "Subjects in processes of their own";

constexpr std::array styles{Style{"--baseline", "FILE", known},
                            Style{"--case-timeout", "TIME", processes},
                            Style{"--cases", "N"},
                            Style{"--climb", "TIME"},
                            Style{"--control-cases", "N"},
                            Style{"--dialect", "DIALECT"},
                            Style{"--fail-on", "RANKS"},
                            Style{"--fault", "PATTERN"},
                            Style{"--jobs", "N"},
                            Style{"--json", "FILE", reports},
                            Style{"--junit", "FILE", reports},
                            Style{"--kind", "PATTERN"},
                            Style{"--law", "PATTERN"},
                            Style{"--law-cases", "N"},
                            Style{"--markdown", "FILE", reports},
                            Style{"--memory-limit", "SIZE", processes},
                            Style{"--no-database", "", stored},
                            Style{"--numerics", "NUMERICS"},
                            Style{"--only", "WHAT"},
                            Style{"--output", "PLACE"},
                            Style{"--report", "FILE", reports},
                            Style{"--save", "FOLDER", stored},
                            Style{"--seed", "N"},
                            Style{"--seeds", "N"},
                            Style{"--start-timeout", "TIME", processes},
                            Style{"--subject", "SUBJECT"},
                            Style{"--time", "TIME"},
                            Style{"--update-baseline", "", known},
                            Style{"case", "CASE"},
                            Style{"output", "OUTPUT"},
                            Style{"subject", "SUBJECT"},
                            Style{"subjects", "SUBJECT"},
                            Style{"what", "WHAT"}};

struct Example {
  std::string_view command;
  const char* line;
};

constexpr std::array examples{
    Example{"audit", "bncheck audit --seeds 2 --cases 50 --report audit.html"},
    Example{"check", "bncheck check plugin:./mine.so --cases 1000 --seed 1 --report mine.html"},
    Example{"compare", "bncheck compare bn plugin:./mine.so 'exec:python3 mine.py' --markdown league.md"},
    Example{"diagnose", "bncheck diagnose plugin:./mine.so"},
    Example{"gen", "bncheck gen -o cases --kind 'training/*' --cases 20 --with-answers --seed 1"},
    Example{"judge", "bncheck judge cases outputs"},
    Example{"list", "bncheck list laws"},
    Example{"oracle", "bncheck oracle mine.case.safetensors"},
    Example{"replay", "bncheck replay bncheck-failures/*.safetensors --subject plugin:./mine.so"},
    Example{"serve", "bncheck check \"exec:ssh board bncheck serve plugin:./mine.so\""}};

/// Exit statuses of a command whose footer does not say them. Each also has 2 for a wrong command line or file, and those
/// that run a subject 130 after Ctrl-C.
constexpr std::array statuses{
    Example{
        "check",
        "Exit status 1: a law was violated in a rank that fails; 3: the subject could not be run; 4: inconclusive,\n"
        "a law had too few cases; 0: otherwise, also where what was found is known or fails nothing."},
    Example{
        "replay",
        "Exit status 1: a law was violated in a rank that fails; 3: the subject could not be run; 4: no law applies\n"
        "to a case; 0: otherwise."},
    Example{"gen", "Exit status 2: nothing was written; 0: otherwise."},
    Example{"oracle", "Exit status 2: there is no answer; 0: otherwise."}};

void style_option(CLI::Option& option) {
  const auto style = std::ranges::find(styles, option.get_name(), &Style::name);
  if (style == styles.end()) return;
  if (*style->value != '\0') option.type_name(style->value);
  if (!option.get_positional()) option.group(style->heading);
}

void add_example(CLI::App& command) {
  const auto found = std::ranges::find(examples, command.get_name(), &Example::command);
  if (found == examples.end()) return;
  std::string footer = command.get_footer();
  const auto status = std::ranges::find(statuses, command.get_name(), &Example::command);
  if (status != statuses.end()) footer += (footer.empty() ? "" : "\n\n") + std::string(status->line);
  command.footer("Example: " + std::string(found->line) + (footer.empty() ? "" : "\n\n" + footer));
}

}  // namespace

void style_help(CLI::App& app) {
  for (CLI::App* command : app.get_subcommands({})) {
    for (CLI::Option* option : command->get_options()) style_option(*option);
    add_example(*command);
  }
}

}  // namespace bncheck
