#pragma once
/// All laws, by family.

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

/// Law about the end of the subject after its last case. It is not among all_laws(), because it needs a
/// subject that ends; a check judges it once, after the other laws.
const Law& ending_law();
Verdict verdict_of_end(const Death& death);

/// The laws of all families, in the order in which they are reported.
const std::vector<Law>& all_laws();
/// Law with this name, which may be the ending law; null for an unknown name.
const Law* law_named(std::string_view name);
/// Whether the text matches the pattern, by fnmatch(3): *, ? and [...].
bool matches(const std::string& pattern, const std::string& text);
/// Patterns from text: "momentum_*,!*_long_*" is what matches one without ! and none with it.
struct LawPatterns {
  std::vector<std::string> wanted, unwanted;  ///< for `matches`; none wanted: all are
};
LawPatterns law_patterns(std::string_view text);
/// Laws whose names match the patterns. The ending law must be named in full.
std::vector<const Law*> laws_matching(std::string_view patterns);

}  // namespace bncheck
