#include "commands/common.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <random>

#include "bncheck/case_file.hpp"
#include "commands/commands.hpp"
#include "core/redeclared.hpp"
#include "laws/catalogue.hpp"
#include "subjects/registry.hpp"

namespace bncheck {
namespace {

/// Number times the value of its unit; nullopt if the text has another form. A product that is too large
/// becomes the largest number. CLI::AsNumberWithUnit and CLI::AsSizeValue (CLI11 2.1) take "s" for one
/// second, "G" for one gigabyte, "010s" for eight seconds and "-3s" for a time, and their message on a number
/// that is too large names another number than was given.
std::optional<std::int64_t> quantity_from(const std::string& text,
                                          const std::map<std::string, std::int64_t>& units) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto unit = units.find(text.substr(digits));
  if (digits == 0 || unit == units.end()) return std::nullopt;
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  const std::int64_t number = parse_integer(text.substr(0, digits)).value_or(largest);
  return number > largest / unit->second ? largest : number * unit->second;
}

/// Longest duration, so that sums of such times stay far within the range of the clock.
constexpr std::int64_t longest_hours = 24 * 365;

/// Whether the descriptor is a terminal with escape sequences.
bool is_terminal(int descriptor) {
  const char* kind = std::getenv("TERM");
  return ::isatty(descriptor) != 0 && kind != nullptr && std::string_view(kind) != "dumb";
}

}  // namespace

Dialect dialect_from(const std::string& text) {
  try {
    return dialect_from_text(text);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
}

Numerics numerics_from(const std::string& text) {
  try {
    return numerics_from_text(text);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
}

std::unique_ptr<Subject> subject_from(const std::string& name, const Declaration& declaration,
                                      const ForeignLimits& limits) {
  const auto [dialect, numerics] = declaration;
  if (!numerics.empty()) numerics_from(numerics);
  std::unique_ptr<Subject> subject;
  try {
    subject = make_subject(name, limits);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
  if (dialect.empty() && numerics.empty()) return subject;
  Capabilities can = subject->can();
  if (!dialect.empty()) {
    can.dialect = without_lacks(dialect_from(dialect), can);
    subject->assume(can.dialect);
  }
  if (!numerics.empty()) can.numerics = numerics_from_text(numerics, can.numerics);
  return std::make_unique<Redeclared>(std::move(subject), std::move(can));
}

void add_declaration_options(CLI::App& command, Declaration& declaration) {
  command.add_option("--dialect", declaration.dialect,
                     "judge the subject in this dialect: NAME[,KNOB=VALUE]... ('bncheck list dialects')");
  command.add_option("--numerics", declaration.numerics,
                     "judge the subject by this claim and these knobs, the others as it declares them: "
                     "[CLAIM,][KNOB=VALUE]... ('bncheck list numerics')");
}

void require_subject_name(const std::string& name) {
  try {
    require_known_subject(name);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  } catch (const SubjectUnavailable&) {
    // The error is reported when the subject is started.
  }
}

void add_foreign_options(CLI::App& command, ForeignLimits& limits) {
  const auto add_time = [&](const std::string& name, std::chrono::milliseconds& time,
                            const std::string& about) {
    command.add_option_function<std::string>(
        name, [name, &time](const std::string& text) { time = duration_from(name, text); },
        about + " (default: " + std::to_string(time.count() / 1000) + "s)");
  };
  add_time("--start-timeout", limits.start, "how long a plugin or program may take to start");
  add_time("--case-timeout", limits.call, "how long a plugin may take for a case, and a program for a call");
  command.add_option_function<std::string>(
      "--memory-limit",
      [&limits](const std::string& text) {
        limits.memory = bytes_from("--memory-limit", text);
        if (limits.memory == 0)
          throw UsageError("--memory-limit is '" + text + "', expected more than nothing");
      },
      "resident memory that a plugin or program may take, such as 500M or 8G (default: half of the "
      "machine's)");
}

std::set<Rank> RankOptions::ranks(const std::string& subject) const {
  const std::set<Rank> all(all_ranks.begin(), all_ranks.end());
  if (fail_on.empty()) return strict || is_ours(subject) ? all : usual_failures;
  std::set<Rank> ranks;
  for (std::size_t begin = 0; begin <= fail_on.size();) {
    const std::size_t end = std::min(fail_on.find(',', begin), fail_on.size());
    const std::optional<Rank> rank = rank_named(std::string_view(fail_on).substr(begin, end - begin));
    if (!rank) {
      throw UsageError("--fail-on is '" + fail_on +
                       "', expected one or more of wrong, inaccurate, limit, lax with commas");
    }
    ranks.insert(*rank);
    begin = end + 1;
  }
  return ranks;
}

void add_rank_options(CLI::App& command, RankOptions& options) {
  CLI::Option* strict = command.add_flag("--strict", options.strict,
                                         "fail on every violation, as for the subjects of bncheck itself");
  command
      .add_option(
          "--fail-on", options.fail_on,
          "ranks of violations that decide the exit status (default: wrong,inaccurate): wrong; inaccurate, "
          "the claim is not met; limit, finite results are lost where an intermediate one overflows; lax, a "
          "call that must fail is carried out")
      ->excludes(strict);
}

CLI::Validator integer_in(std::int64_t least, std::int64_t most) {
  const std::string range = std::to_string(least) + " to " + std::to_string(most);
  const auto check = [=](std::string& text) {
    const std::optional<std::int64_t> number = parse_integer(text);
    if (!number || *number < least || *number > most)
      return "'" + text + "', expected an integer from " + range;
    text = std::to_string(*number);  // CLI11 reads 010 as octal
    return std::string();
  };
  return {check, "", ""};
}

std::vector<const Law*> laws_from(const std::string& patterns) {
  const auto [wanted, unwanted] = law_patterns(patterns);
  for (const std::vector<std::string>& list : {wanted, unwanted}) {
    for (const std::string& pattern : list) {
      if (laws_matching(pattern).empty()) {
        throw UsageError("no law matches '" + pattern +
                         "', expected a name or a pattern with * and ? ('bncheck list laws')");
      }
    }
  }
  std::vector<const Law*> laws = laws_matching(patterns);
  if (laws.empty()) throw UsageError("'" + patterns + "' leaves no law out of those that it names");
  return laws;
}

std::chrono::milliseconds duration_from(const std::string& option, const std::string& text) {
  const auto time = quantity_from(text, {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}});
  if (!time) {
    throw UsageError(option + " is '" + text +
                     "', expected a number with a unit such as 500ms, 30s, 10m or 1h");
  }
  if (*time > longest_hours * 3'600'000)
    throw UsageError(option + " is '" + text + "', expected at most " + std::to_string(longest_hours) + "h");
  if (*time == 0) throw UsageError(option + " is '" + text + "', expected more than no time");
  return std::chrono::milliseconds(*time);
}

std::uint64_t bytes_from(const std::string& option, const std::string& text) {
  const auto size = quantity_from(text, {{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}});
  if (!size)
    throw UsageError(option + " is '" + text + "', expected a number with a unit such as 500M or 8G");
  return static_cast<std::uint64_t>(*size);
}

Style stdout_style() {
  return {is_terminal(STDOUT_FILENO) && std::getenv("NO_COLOR") == nullptr};
}
bool shows_progress() {
  return is_terminal(STDERR_FILENO);
}

std::uint64_t seed_from(const std::string& text) {
  if (text.empty()) return std::random_device{}();
  const std::optional<std::int64_t> seed = parse_integer(text);
  if (!seed || *seed < 0)
    throw UsageError("--seed is '" + text + "', expected an integer from 0 to 2^63 - 1");
  return static_cast<std::uint64_t>(*seed);
}

}  // namespace bncheck
