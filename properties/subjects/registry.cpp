#include "subjects/registry.hpp"

#include "subjects/bn_subject.hpp"
#include "subjects/foreign/foreign_subject.hpp"
#include "subjects/variants/variants.hpp"

namespace bncheck {
namespace {

std::vector<SubjectEntry>& entries() {
  static std::vector<SubjectEntry> all{
      {"bn", "the shipped BatchNorm, as a layer", "", make_bn_layer},
      {"bn_functional", "the shipped BatchNorm, as stateless functions on the caller's buffers", "",
       make_bn_functional},
  };
  return all;
}

/// Throws std::invalid_argument if the name is only the prefix of a family whose names cannot be listed.
void require_whole_name(std::string_view name, const SubjectFamily& family) {
  if (name == family.prefix && family.listed_by.empty()) {
    throw std::invalid_argument("subject '" + std::string(name) + "' is half a name, expected " +
                                family.prefix + family.what);
  }
}

}  // namespace

const std::vector<SubjectEntry>& subject_entries() {
  return entries();
}

const std::vector<SubjectFamily>& subject_families() {
  static const std::vector<SubjectFamily> all{
      {"plugin:", "PATH.so", "a shared library with the C interface of bncheck_plugin.h, in a child process",
       "", make_plugin},
      {"exec:", "COMMAND", "a program that answers frames (PROTOCOL.md), in a child process", "", make_exec},
      {"control:", "NAME", "a right BatchNorm in float32 arithmetic", "bncheck list controls",
       [](std::string_view name, const ForeignLimits&) { return variants::make_control(name); }},
      {"fault:", "NAME", "a BatchNorm in float32 arithmetic that is wrong in one thing",
       "bncheck list faults",
       [](std::string_view name, const ForeignLimits&) { return variants::make_fault(name); }},
  };
  return all;
}

bool is_ours(std::string_view name) {
  return name == "bn" || name == "bn_functional" || name.starts_with("control:") ||
         name.starts_with("fault:");
}

void add_subjects(std::vector<SubjectEntry> more) {
  for (SubjectEntry& entry : more) entries().push_back(std::move(entry));
}

void require_known_subject(std::string_view name) {
  for (const SubjectEntry& entry : subject_entries()) {
    if (entry.name == name) return;
  }
  for (const SubjectFamily& family : subject_families()) {
    require_whole_name(name, family);
    // A family whose names cannot be listed takes any name; making the subject would start a process.
    if (name.starts_with(family.prefix) && family.listed_by.empty()) return;
  }
  make_subject(name);
}

std::unique_ptr<Subject> make_subject(std::string_view name, const ForeignLimits& limits) {
  std::string known;
  for (const SubjectFamily& family : subject_families()) {
    if (!name.starts_with(family.prefix)) continue;
    require_whole_name(name, family);
    if (auto subject = family.make(name.substr(family.prefix.size()), limits)) return subject;
    throw std::invalid_argument("unknown subject '" + std::string(name) + "', expected " + family.prefix +
                                "NAME with a name from '" + family.listed_by + "'");
  }
  for (const SubjectEntry& entry : subject_entries()) {
    if (entry.name == name) {
      if (!entry.unavailable.empty())
        throw SubjectUnavailable("subject '" + entry.name + "': " + entry.unavailable);
      return entry.make();
    }
    known += (known.empty() ? "" : ", ") + entry.name;
  }
  for (const SubjectFamily& family : subject_families()) known += ", " + family.prefix + family.what;
  throw std::invalid_argument("unknown subject '" + std::string(name) + "', expected one of: " + known);
}

}  // namespace bncheck
