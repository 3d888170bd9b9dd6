#pragma once
/// BatchNorms in float32 that are correct (controls) or wrong in one thing (faults). They test the checks
/// that must tell them apart. Each differs from the reference, control:two_pass, only by what it names.

#include <memory>
#include <string_view>
#include <vector>

#include "core/subject.hpp"
#include "subjects/variants/recipe.hpp"

namespace bncheck::variants {

struct Fault {
  const char* name;
  /// Row of the catalogue of mechanisms (`mechanisms`), 1 to 20.
  int row;
  /// Implementation that had the fault, as an entry of a public tracker, or "textbook" for what every course
  /// warns of.
  const char* source;
  const char* sentence;
  Recipe recipe;
};

struct Control {
  const char* name;
  const char* sentence;
  Recipe recipe;
  Numerics numerics;
};

/// Mechanisms of faults in BatchNorms, one sentence per row. The first is row 1.
const std::vector<const char*>& mechanisms();

const std::vector<Fault>& faults();
const std::vector<Control>& controls();

// Subject of that name, without the prefixes "fault:" and "control:"; null for an unknown name.
std::unique_ptr<Subject> make_fault(std::string_view name);
std::unique_ptr<Subject> make_control(std::string_view name);

/// Subject whose name is `prefix` followed by `name`.
std::unique_ptr<Subject> make_variant(std::string_view prefix, std::string_view name, const Recipe& recipe,
                                      const Numerics& numerics);

}  // namespace bncheck::variants
