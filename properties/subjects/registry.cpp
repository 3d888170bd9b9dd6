#include "subjects/registry.hpp"

#include "subjects/bn_subject.hpp"
#ifdef BNCHECK_HAVE_TORCH
#include "subjects/torch_subject.hpp"
#endif

namespace bncheck {

const std::vector<SubjectEntry>& subject_entries() {
  static const std::vector<SubjectEntry> entries{
      {"bn", "the shipped BatchNorm, as a layer", "", make_bn_layer},
      {"bn_functional", "the shipped BatchNorm, as stateless functions on the caller's buffers", "",
       make_bn_functional},
#ifdef BNCHECK_HAVE_TORCH
      {"torch", "libtorch's nn.BatchNorm1d/2d/3d", "", make_torch},
#else
      {"torch", "libtorch's nn.BatchNorm1d/2d/3d",
       "this build found no libtorch (Debian package libtorch-dev; then configure again)", nullptr},
#endif
  };
  return entries;
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
