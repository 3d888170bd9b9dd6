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
  /// Why it cannot be had in this build; empty where it can.
  std::string unavailable;
  std::unique_ptr<Subject> (*make)();
};

/// Subjects that are named by a prefix and a name of their own, such as "fault:one_pass".
struct SubjectFamily {
  std::string prefix;
  std::string what;  ///< what follows the prefix, in capitals
  std::string about;
  std::string listed_by;  ///< the command that shows their names; empty where nobody can know them
  /// Null for an unknown name. May throw SubjectUnavailable.
  std::unique_ptr<Subject> (*make)(std::string_view name, const ForeignLimits& limits);
};

const std::vector<SubjectEntry>& subject_entries();
const std::vector<SubjectFamily>& subject_families();
/// For programs that link more than the shipped subjects; before the first look-up.
void add_subjects(std::vector<SubjectEntry> more);

/// Throws std::invalid_argument for an unknown name, SubjectUnavailable for one that this build has not.
/// The limits are for those that live in a process of their own.
std::unique_ptr<Subject> make_subject(std::string_view name, const ForeignLimits& limits = {});

/// Throws std::invalid_argument for an unknown name, as make_subject does, without making the subject.
void require_known_subject(std::string_view name);

}  // namespace bncheck
