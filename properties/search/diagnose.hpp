#pragma once
/// Finding out by experiment which dialect a subject speaks.

#include <optional>
#include <string>
#include <vector>

#include "core/subject.hpp"

namespace bncheck {

/// What one value of a knob makes of an experiment.
struct Alternative {
  std::string value;
  bool explains = false;
  std::string remark;  ///< what happened where no number tells it: "rejected (one_value): ..."
  /// Of the element that is looked at. The subject is given what its interface takes in this dialect, so that
  /// it may return something else for another one.
  float got = 0, wanted = 0;
};

/// The experiment that decided a knob, at the element where the alternatives differ.
struct Evidence {
  std::string asks;
  std::string place;  ///< "running_mean[0]"
  std::vector<Alternative> alternatives;
};

struct KnobFinding {
  std::string knob;
  std::vector<std::string> values;  ///< that explain everything; one: it is identified
  std::optional<Evidence> evidence;
  std::string reason;  ///< why there is more than one value

  bool identified() const { return values.size() == 1; }
};

struct Diagnosis {
  std::vector<KnobFinding> knobs;  ///< in the order of dialect_knobs()
  /// Explains everything that was asked and understood; named after the preset with the fewest differences.
  Dialect dialect;
  /// "ASKS: what happened", for each experiment that no candidate explains.
  std::vector<std::string> unexplained;
  int asked = 0;  ///< experiments that the subject answered
};

/// For each experiment the candidates that are left are eliminated where the subject's outputs are beyond the
/// attainable error of the exact answer in them, by the numerics that the subject declares. While a candidate
/// is tried, the subject is assumed to speak it. Knobs depend on each other where experiments do, so that
/// candidates are whole dialects; what no experiment separates stays, and is said to be not identifiable.
Diagnosis diagnose(Subject& subject);

}  // namespace bncheck
