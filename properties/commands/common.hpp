#pragma once
/// What several commands need: subjects with a dialect, laws by pattern, terminals, interruption.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/law.hpp"
#include "core/subject.hpp"
#include "report/console.hpp"

namespace bncheck {

/// The subject, judged in another dialect where one is named. Throws UsageError, SubjectUnavailable.
std::unique_ptr<Subject> subject_from(const std::string& name, const std::string& dialect);
Dialect dialect_from(const std::string& name);
std::vector<const Law*> laws_from(const std::string& pattern);

/// "500ms", "30s", "10m", "1h". Throws UsageError.
std::chrono::milliseconds duration_from(const std::string& text);

Style stdout_style();
bool stderr_is_terminal();

/// Set by SIGINT, after which a second one ends the program at once.
const std::atomic<bool>& interruption();

/// Writes to a file, or to stdout where the name is "-". Throws UsageError.
void write_text(const std::string& name, const std::string& text);

}  // namespace bncheck
