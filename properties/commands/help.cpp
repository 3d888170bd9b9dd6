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
                            Style{"--law", "PATTERNS"},
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

/// Exit statuses of each command. Each also has 2 for a wrong command line, and for a file that cannot be read or written.
constexpr std::array statuses{
    Example{
        "audit",
        "Exit status: 0 every fault was found from every seed, no control accused; 1 a fault was missed or a\n"
        "control accused, the output says which; 2 usage; 130 interrupted."},
    Example{
        "check",
        "Exit status: 0 every applicable law held, or what was found fails nothing (--fail-on, --baseline); 1 a law\n"
        "was violated, with a rank that fails; 2 usage, or a file that cannot be read or written; 3 the subject could\n"
        "not be run to its end; 4 inconclusive, a law had too few cases; 130 interrupted. If several apply: 2, 3,\n"
        "130, 1, 4."},
    Example{
        "compare",
        "Exit status: 0 whatever the figures say, for comparing is no verdict; 2 usage; 3 no subject could be run to\n"
        "its end; 130 interrupted."},
    Example{
        "diagnose",
        "Exit status: 0 a dialect explains every answer; 1 none explains some experiment, which is named; 2 usage;\n"
        "3 the subject could not be run, takes no float32, or answered nothing; 4 it answered less than half of\n"
        "what it was asked."},
    Example{"gen", "Exit status: 0 done; 2 nothing was written; 130 interrupted, nothing was written."},
    Example{
        "judge",
        "Exit status: 0 all that was judged holds, or fails with a rank that --fail-on leaves out; 1 a value or an\n"
        "error is wrong, or an output file is missing; 2 usage or a damaged file; 4 nothing could be judged; 130\n"
        "interrupted."},
    Example{"list", "Exit status: 0 done; 2 usage."},
    Example{"oracle", "Exit status: 0 done; 2 there is no answer."},
    Example{
        "replay",
        "Exit status: 0 every case was judged and holds, or violates a law with a rank that does not fail; 1 a law\n"
        "was violated, with a rank that fails; 2 usage, or a file that cannot be read; 3 the subject could not be\n"
        "run; 4 no law applies to a case."},
    Example{"serve", "Exit status: 0 the other side has closed; 2 usage; 3 the subject could not be run."}};

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
