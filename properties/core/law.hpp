#pragma once
/// A Law: a statement that holds for every right BatchNorm.

#include <functional>
#include <optional>
#include <string>

#include "core/draws.hpp"
#include "core/needs.hpp"
#include "core/runner.hpp"
#include "core/subject.hpp"
#include "core/verdict.hpp"

namespace bncheck {

struct LawTraits {
  /// Its cases are large: a few of them take as long as hundreds of another law's.
  bool bulky = false;
  /// It compares numbers with the exact answer. The other laws compare runs with each other, or check an
  /// identity or what a call may do at all, and take only bounds from the oracle.
  bool exact = false;
  /// It judges tensors of every dtype that a subject declares; the other laws read float32 values themselves.
  bool any_dtype = false;
  /// Error that a law about refusals asks the subject for.
  std::optional<ErrorKind> rejects{};
  /// One sentence: what only this law detects, or why it is kept beside the others. `bncheck audit` prints it
  /// beside the faults that no other law detects.
  const char* rationale = "";
};

struct Law {
  std::string name;
  /// One sentence with the mathematics. The bound is derived in the doc comment of the check.
  std::string statement;
  /// The law does not apply to a subject that lacks one of these.
  std::vector<Need> needs;
  /// Draws a case that the law applies to.
  std::function<Case(Draws&, const Capabilities&)> draw;
  /// Checks any case, also one from a file or from shrinking: not_applicable if the law does not apply to it.
  /// May throw Settled.
  std::function<Verdict(const Case&, Runner&)> check;
  LawTraits traits{};
};

/// Reason why the law does not apply to a subject with these capabilities: its first need that is not met. nullopt if it
/// applies.
std::optional<std::string> unmet_need(const Law& law, const Capabilities& can);

/// Verdict of `check`, early verdicts (Settled) included. A case without an answer is not applicable. Any
/// other exception makes this verdict died and affects nothing else. SubjectUnavailable passes through.
Verdict settled(const std::function<Verdict()>& check);
/// Verdict of `law.check`, as by `settled`.
Verdict check_case(const Law& law, const Case& c, Runner& runner);

}  // namespace bncheck
