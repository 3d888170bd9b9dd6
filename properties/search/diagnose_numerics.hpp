#pragma once
/// Diagnosis of numerics: with which losses of accuracy a subject has to be judged.

#include <atomic>
#include <string>
#include <vector>

#include "core/subject.hpp"

namespace bncheck {

/// A loss of accuracy, and the laws about values that the subject keeps only with it.
struct FoundLoss {
  std::string knobs;  ///< "summation=naive"
  std::vector<std::string> laws;
};

struct NumericsDiagnosis {
  Numerics numerics;  ///< as the subject declares them, with the losses that were found
  std::vector<FoundLoss> losses;
  /// "matches_oracle: inaccurate: ...", for each law that is violated with these numerics too, in a rank that fails.
  std::vector<std::string> violated;
};

/// Checks laws about values on a subject that speaks the dialect, and takes the losses that explain what they find
/// (explanation.hpp), until they find nothing more that a loss explains. What a loss explains in small cases, the laws then
/// confirm in others. Throws SubjectUnavailable.
NumericsDiagnosis diagnose_numerics(Subject& subject, const Dialect& dialect, std::uint64_t seed,
                                    const std::atomic<bool>* interrupted = nullptr);

}  // namespace bncheck
