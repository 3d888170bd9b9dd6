#pragma once
/// The subjects that can be named on the command line.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/subject.hpp"
#include "subjects/foreign/limits.hpp"

namespace bncheck {

struct SubjectEntry {
  std::string name;
  std::string about;
  /// Reason why this build lacks it; empty if it is available.
  std::string unavailable;
  std::unique_ptr<Subject> (*make)();
};

/// Whether the subject is one of bncheck's own, which must keep every law: the shipped BatchNorm, a control, a fault.
bool is_ours(std::string_view name);

/// Subjects that are named by a prefix and a name of their own, such as "fault:one_pass".
struct SubjectFamily {
  std::string prefix;
  std::string what;  ///< what follows the prefix, in capitals
  std::string about;
  std::string listed_by;  ///< command that shows their names; empty if they cannot be listed
  /// Null for an unknown name. May throw SubjectUnavailable.
  std::unique_ptr<Subject> (*make)(std::string_view name, const ForeignLimits& limits);
};

const std::vector<SubjectEntry>& subject_entries();
const std::vector<SubjectFamily>& subject_families();
/// Adds subjects, for programs that link more than the shipped ones. Precondition: no look-up has been made.
void add_subjects(std::vector<SubjectEntry> more);

/// Makes a subject. Throws std::invalid_argument for an unknown name, SubjectUnavailable for one that this
/// build lacks or that cannot be started. The limits apply to subjects in a process of their own.
std::unique_ptr<Subject> make_subject(std::string_view name, const ForeignLimits& limits = {});

/// Throws std::invalid_argument for an unknown name, as make_subject does, without making the subject.
void require_known_subject(std::string_view name);

}  // namespace bncheck
