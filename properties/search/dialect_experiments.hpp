#pragma once
/// The experiments that tell dialects apart: small cases in whose exact answers they differ by far more than
/// rounding.

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/subject.hpp"

namespace bncheck {

struct Experiment {
  /// What the subject is asked, as a reader may want to ask it again.
  std::string asks;
  /// The knobs that its answer depends on, besides those of the experiments before it.
  std::vector<std::string> knobs;
  std::set<Output> looks_at;
  /// The last call is the one that is looked at; the state has what a layer of this dialect has.
  std::function<Case(const Capabilities&, const Dialect&)> make;
  /// Why the subject cannot be asked; empty where it can.
  std::function<std::string(const Capabilities&)> hindrance;
  /// It says nothing about such a dialect. `interface`: the subject is given what the dialect's own interface
  /// takes (Subject::assume); else it knows the Case.
  std::function<bool(const Dialect&, bool interface)> silent = [](const Dialect&, bool) { return false; };

  /// What may happen without saying anything against the subject: a plain question must be answered as some
  /// dialect does, an odd one may be refused, a probe may be answered in any way.
  enum class Kind { plain, odd, probe };
  Kind kind = Kind::plain;
  /// A value of a knob that is right where no other value explains the answer.
  std::optional<std::pair<std::string, std::string>> otherwise{};
  /// For a knob that is a number: its value as the subject's answer tells it, seen from a dialect that has
  /// all else right and does not explain the answer. nullopt: it tells none.
  std::function<std::optional<double>(const Case&, const Outcome&, const Dialect&)> measure{};
};

/// In an order in which each depends on knobs of its own and of those before it.
const std::vector<Experiment>& dialect_experiments();

}  // namespace bncheck
