#pragma once
/// BatchNorms in float32 that are right (controls) or wrong in one thing (faults), for testing what tells
/// them apart. Each differs from the reference, control:two_pass, by what it names and by nothing else.

#include <memory>
#include <string_view>
#include <vector>

#include "core/subject.hpp"
#include "subjects/variants/recipe.hpp"

namespace bncheck::variants {

struct Fault {
  const char* name;
  /// Of the catalogue of mechanisms (`mechanisms`), 1 to 20.
  int row;
  /// Where an implementation had it: a public tracker's entry, or "textbook" for what every course warns of.
  const char* source;
  const char* sentence;
  Recipe recipe;
};

struct Control {
  const char* name;
  const char* sentence;
  Recipe recipe;
  Summation summation;
};

/// What goes wrong in BatchNorms, one sentence per row, the first being row 1.
const std::vector<const char*>& mechanisms();

const std::vector<Fault>& faults();
const std::vector<Control>& controls();

// Null for an unknown name, without the prefixes "fault:" and "control:".
std::unique_ptr<Subject> make_fault(std::string_view name);
std::unique_ptr<Subject> make_control(std::string_view name);

/// `prefix` and `name` make up the subject's name.
std::unique_ptr<Subject> make_variant(std::string_view prefix, std::string_view name, const Recipe& recipe,
                                      Summation summation);

}  // namespace bncheck::variants
