#pragma once
/// Experiments that separate dialects: small cases whose exact answers differ by far more than rounding.

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/subject.hpp"

namespace bncheck {

struct Experiment {
  /// The question to the subject, in words that let a reader repeat it.
  std::string asks;
  /// Knobs that the answer depends on, besides those of the experiments before it.
  std::vector<std::string> knobs;
  std::set<Output> looks_at;
  /// Makes the case. Its last call is the one that is examined; its state is that of a layer of this dialect.
  std::function<Case(const Capabilities&, const Dialect&)> make;
  /// Reason why the subject cannot be asked; empty if it can.
  std::function<std::string(const Capabilities&)> hindrance;
  /// Whether the experiment says nothing about the dialect. `interface`: the subject gets the inputs of the
  /// dialect's own interface (Subject::assume); otherwise it knows the Case.
  std::function<bool(const Dialect&, bool interface)> silent = [](const Dialect&, bool) { return false; };

  /// Answers that are allowed: a plain question must be answered as some dialect does, an odd one may be
  /// refused, a probe may have any answer.
  enum class Kind { plain, odd, probe };
  Kind kind = Kind::plain;
  /// Value of a knob that is right if no other value explains the answer.
  std::optional<std::pair<std::string, std::string>> otherwise{};
  /// For a knob that is a number: its value derived from the subject's answer, under a dialect with the right
  /// other knobs that does not explain the answer. nullopt: no value can be derived.
  std::function<std::optional<double>(const Case&, const Outcome&, const Dialect&)> measure{};
};

/// Word of a knob for which the experiments have the same answer: float32 data are all that is asked about, where `data`
/// is f32, and `rounded` differs from `exact` by less than an ulp of the result. Any other word is its own.
std::string asked_as(const std::string& word);
/// Words of a knob that the experiments tell apart.
std::vector<std::string> asked_words(const std::string& knob);

/// All experiments, in an order in which each depends only on its own knobs and on those before it.
const std::vector<Experiment>& dialect_experiments();

}  // namespace bncheck
