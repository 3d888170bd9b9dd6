#pragma once
/// Common parts of the commands: subjects with a dialect, laws by pattern, terminals.

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/law.hpp"
#include "core/rank.hpp"
#include "core/subject.hpp"
#include "report/console.hpp"
#include "report/results.hpp"
#include "subjects/foreign/limits.hpp"

namespace bncheck {

/// --dialect and --numerics.
void add_declaration_options(CLI::App& command, Declaration& declaration);
/// The subject, judged as declared. Throws UsageError, SubjectUnavailable.
std::unique_ptr<Subject> subject_from(const std::string& name, const Declaration& declaration,
                                      const ForeignLimits& limits = {});
/// Checks that a subject of this name is known, whether it can be run or not. Throws UsageError.
void require_subject_name(const std::string& name);
/// Adds --start-timeout, --case-timeout and --memory-limit, for subjects in a process of their own.
void add_foreign_options(CLI::App& command, ForeignLimits& limits);
/// Dialect from an option: "keras", "pytorch,running_var=population". Throws UsageError.
Dialect dialect_from(const std::string& text);
/// Numerics from an option: "sound", "sound,summation=naive". Throws UsageError.
Numerics numerics_from(const std::string& text);
/// Validator for the text of an option.
CLI::Validator integer_in(std::int64_t least, std::int64_t most);
/// Laws from an option: "momentum_*,!*_long_*". Throws UsageError.
std::vector<const Law*> laws_from(const std::string& patterns);

/// Duration from the text of `option`: "500ms", "30s", "10m", "1h". It is above 0 and at most a year, so that
/// it can be added to a point in time. Throws UsageError.
std::chrono::milliseconds duration_from(const std::string& option, const std::string& text);

/// Number of bytes from the text of `option`: "500M", "8G". Throws UsageError.
std::uint64_t bytes_from(const std::string& option, const std::string& text);

/// Options about the ranks that fail a check: --fail-on and --strict.
struct RankOptions {
  std::string fail_on;
  bool strict = false;

  /// Ranks that count as failures of the subject. Throws UsageError.
  std::set<Rank> ranks(const std::string& subject) const;
};
void add_rank_options(CLI::App& command, RankOptions& options);

/// Seed from text; a random one if the text is empty. Throws UsageError.
std::uint64_t seed_from(const std::string& text);

Style stdout_style();
/// Whether stderr takes a line that is rewritten repeatedly.
bool shows_progress();

}  // namespace bncheck
