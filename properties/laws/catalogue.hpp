#pragma once
/// Every law there is, by family.

#include <string>
#include <string_view>
#include <vector>

#include "core/law.hpp"

namespace bncheck {

std::vector<Law> oracle_laws();
std::vector<Law> moment_laws();
std::vector<Law> running_statistics_laws();
std::vector<Law> rejection_laws();
std::vector<Law> confinement_laws();
std::vector<Law> invariance_laws();
std::vector<Law> transformation_laws();
std::vector<Law> affine_laws();
std::vector<Law> batch_laws();
std::vector<Law> momentum_laws();
std::vector<Law> gradient_oracle_laws();
std::vector<Law> gradient_confinement_laws();
std::vector<Law> gradient_identity_laws();
std::vector<Law> gradient_relation_laws();
std::vector<Law> gradient_invariance_laws();
std::vector<Law> gradient_scaling_laws();
std::vector<Law> gradient_rejection_laws();
std::vector<Law> sequence_laws();

/// Of what comes after the last case, which no draw of cases can show: beside the catalogue, for it takes a
/// process that ends, and a check asks it once, when the others have been asked.
const Law& ending_law();
Verdict verdict_of_end(const Death& death);

/// All of them, in the order in which they are reported.
const std::vector<Law>& all_laws();
/// The ending law too. Null for an unknown name.
const Law* law_named(std::string_view name);
/// By fnmatch(3): *, ? and [...].
bool matches(const std::string& pattern, const std::string& text);
/// The laws whose names match a pattern with * and ?; the ending law where it is named in full.
std::vector<const Law*> laws_matching(std::string_view pattern);

}  // namespace bncheck
