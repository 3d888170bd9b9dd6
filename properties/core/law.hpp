#pragma once
/// A Law: something that holds for every right BatchNorm.

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
  /// Its cases are large: a handful of them takes as long as hundreds of another law's.
  bool bulky = false;
  /// It holds numbers against the exact answer. The others compare runs with each other, look at an identity
  /// or at what a call may do at all, and ask the oracle for bounds only.
  bool exact = false;
  /// It judges tensors of every dtype that a subject declares; the others read float32 values themselves.
  bool any_dtype = false;
  /// A law about refusals: the subject must report this error.
  std::optional<ErrorKind> rejects{};
  /// One sentence: what it tells that the others do not, or why it stays beside them. `bncheck audit` prints
  /// it beside the faults that no other law tells.
  const char* rationale = "";
};

struct Law {
  std::string name;
  /// One sentence with the mathematics; the bound's derivation is in the doc comment of the check.
  std::string statement;
  /// It says nothing about a subject that lacks one of these.
  std::vector<Need> needs;
  /// A case that the law applies to.
  std::function<Case(Draws&, const Capabilities&)> draw;
  /// Any case may come (from a file, or while shrinking): not_applicable where the law says nothing about it.
  /// May throw Settled.
  std::function<Verdict(const Case&, Runner&)> check;
  LawTraits traits{};
};

/// The reason why the law says nothing about such a subject: the first need that is not met; nullopt where all are.
std::optional<std::string> unmet_need(const Law& law, const Capabilities& can);

/// What `check` says, with early verdicts caught. A case without an answer is not applicable; any other
/// exception costs this verdict and nothing else: died. Lets SubjectUnavailable through.
Verdict settled(const std::function<Verdict()>& check);
/// `law.check`, settled.
Verdict check_case(const Law& law, const Case& c, Runner& runner);

}  // namespace bncheck
