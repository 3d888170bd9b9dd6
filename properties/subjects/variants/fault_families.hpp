#pragma once
/// Families of faults, of which the table consists, and the function that makes their recipes.

#include "subjects/variants/variants.hpp"

namespace bncheck::variants {

/// Faults of statistics and y.
std::vector<Fault> value_faults();
/// Faults of running statistics, modes and empty batches.
std::vector<Fault> state_faults();
/// Faults of dx, dweight and dbias.
std::vector<Fault> gradient_faults();
/// Faults of layouts, aliasing, threads and tails.
std::vector<Fault> memory_faults();
/// Faults that show only for numbers or options of some size, or only after other calls.
std::vector<Fault> corner_faults();
/// Faults of checking: invalid calls that are accepted, or rejected too late.
std::vector<Fault> checking_faults();

/// The reference recipe after an edit.
template <class Edit>
Recipe made(const Edit& edit) {
  Recipe recipe;
  edit(recipe);
  return recipe;
}

inline constexpr const char* textbook = "textbook";

}  // namespace bncheck::variants
