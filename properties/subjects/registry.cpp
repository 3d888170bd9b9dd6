#include "subjects/registry.hpp"

#include "subjects/bn_subject.hpp"

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

}  // namespace

const std::vector<SubjectEntry>& subject_entries() {
  return entries();
}

void add_subjects(std::vector<SubjectEntry> more) {
  for (SubjectEntry& entry : more) entries().push_back(std::move(entry));
}

std::unique_ptr<Subject> make_subject(std::string_view name) {
  std::string known;
  for (const SubjectEntry& entry : subject_entries()) {
    if (entry.name == name) {
      if (!entry.unavailable.empty())
        throw SubjectUnavailable("subject '" + entry.name + "': " + entry.unavailable);
      return entry.make();
    }
    known += (known.empty() ? "" : ", ") + entry.name;
  }
  throw std::invalid_argument("unknown subject '" + std::string(name) + "', expected one of: " + known);
}

}  // namespace bncheck
