#pragma once
/// What several commands need: subjects with a dialect, laws by pattern, terminals.

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/law.hpp"
#include "core/subject.hpp"
#include "report/console.hpp"
#include "subjects/foreign/limits.hpp"

namespace bncheck {

/// The subject, judged in another dialect where one is named. Throws UsageError, SubjectUnavailable.
std::unique_ptr<Subject> subject_from(const std::string& name, const std::string& dialect,
                                      const ForeignLimits& limits = {});
/// The name of a subject, whether it can be run or not. Throws UsageError.
void require_subject_name(const std::string& name);
/// --start-timeout, --case-timeout and --memory-limit, for subjects that live in a process of their own.
void add_foreign_options(CLI::App& command, ForeignLimits& limits);
/// "keras", "pytorch,running_var=population". Throws UsageError.
Dialect dialect_from(const std::string& text);
/// "sound", "sound,summation=naive". Throws UsageError.
Numerics numerics_from(const std::string& text);
/// Of an option's text.
CLI::Validator integer_in(std::int64_t least, std::int64_t most);
std::vector<const Law*> laws_from(const std::string& pattern);

/// "500ms", "30s", "10m", "1h", as `option` was given it; more than nothing and at most a year, which leaves
/// room to add to a point in time. Throws UsageError.
std::chrono::milliseconds duration_from(const std::string& option, const std::string& text);

/// "500M", "8G" as `option` was given it, in bytes. Throws UsageError.
std::uint64_t bytes_from(const std::string& option, const std::string& text);

/// A random one where the text is empty. Throws UsageError.
std::uint64_t seed_from(const std::string& text);

Style stdout_style();
/// A line on stderr that is written over again and again is welcome there.
bool shows_progress();

}  // namespace bncheck
