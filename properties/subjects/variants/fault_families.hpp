#pragma once
/// The parts of the table of faults, and how its entries are made.

#include "subjects/variants/variants.hpp"

namespace bncheck::variants {

/// Statistics and y.
std::vector<Fault> value_faults();
/// Running statistics, modes and empty batches.
std::vector<Fault> state_faults();
/// dx, dweight, dbias.
std::vector<Fault> gradient_faults();
/// Layouts, aliasing, threads, tails.
std::vector<Fault> memory_faults();
/// What is taken although it must be refused, and what is refused too late.
std::vector<Fault> checking_faults();

/// The reference after an edit.
template <class Edit>
Recipe made(const Edit& edit) {
  Recipe recipe;
  edit(recipe);
  return recipe;
}

inline constexpr const char* textbook = "textbook";

}  // namespace bncheck::variants
