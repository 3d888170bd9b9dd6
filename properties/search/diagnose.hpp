#pragma once
/// Diagnosis: experiments that find out which dialect a subject speaks.

#include <optional>
#include <string>
#include <vector>

#include "core/subject.hpp"
#include "search/diagnose_numerics.hpp"

namespace bncheck {

/// Answer to an experiment that one value of a knob gives.
struct Alternative {
  std::string value;
  bool explains = false;
  std::string remark;  ///< text where there is no number to compare: "rejected (one_value): ..."
  /// Values of the compared element. A subject whose interface depends on the dialect gets the inputs of this
  /// dialect, so that `got` may differ between alternatives.
  float got = 0, wanted = 0;
};

/// Experiment that decided a knob, at the element where the alternatives differ.
struct Evidence {
  std::string asks;
  std::string place;  ///< "running_mean[0]"
  std::vector<Alternative> alternatives;
};

struct KnobFinding {
  std::string knob;
  std::vector<std::string> values;  ///< values that explain everything; with only one, the knob is identified
  std::optional<Evidence> evidence;
  std::string reason;  ///< reason why there is more than one value

  bool identified() const { return values.size() == 1; }
};

struct Diagnosis {
  std::vector<KnobFinding> knobs;  ///< in the order of dialect_knobs()
  /// Dialect that explains every experiment with a usable answer; named after the preset with the fewest
  /// differences.
  Dialect dialect;
  /// "ASKS: what happened", for each experiment that no candidate explains.
  std::vector<std::string> unexplained;
  int posed = 0;  ///< number of experiments that the subject was asked
  int asked = 0;  ///< number of those that it answered
  /// Whether the diagnosis rests on less than half of the experiments, because the subject refused or could not answer the
  /// others.
  bool rests_on_few() const { return 2 * asked < posed; }
  std::optional<NumericsDiagnosis> numerics;  ///< absent where no dialect explains everything
  /// Why nothing was found out: the subject could not be asked, or gave no answer. Empty if something was.
  std::string lost;
};

/// Diagnoses the dialect of a subject. Each experiment eliminates the candidate dialects for whose exact
/// answer the subject's outputs are beyond the attainable error, by the numerics that the subject declares.
/// While a candidate is tried, the subject is assumed to speak it. Candidates are whole dialects, because one
/// experiment may depend on several knobs. Values that no experiment separates stay, and are reported as not
/// identifiable.
Diagnosis diagnose(Subject& subject);

}  // namespace bncheck
