#pragma once
/// Audit of the laws: which faulty subjects they detect, after how many cases, and whether they accuse right
/// ones.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/law.hpp"

namespace bncheck {

/// Maker of a subject: every law and seed gets a new one.
struct AuditSubject {
  std::string name;
  /// Public source of the fault, and its row in the catalogue of mechanisms; empty and 0 for controls.
  std::string source;
  int row = 0;
  std::function<std::unique_ptr<Subject>()> make;
};

/// What an audit runs. Preconditions: a subject's answer to a case does not depend on earlier cases, or only
/// on their number; faults can do what the reference can.
struct AuditPlan {
  std::vector<const Law*> laws;  ///< must outlive the audit's result
  AuditSubject reference;
  std::vector<AuditSubject> faults, controls;
};
/// All laws, faults and controls of the catalogues.
AuditPlan whole_audit();

struct AuditOptions {
  std::uint64_t seed = 1;   ///< the first seed
  int seeds = 10;           ///< number of seeds, from this one on; every fault is looked for with each
  int cases = 100;          ///< applicable cases per law and seed
  int control_cases = 100;  ///< applicable cases per law and control, from the first seed
  unsigned jobs = 1;        ///< number of threads; the result does not depend on it
  const std::atomic<bool>* interrupted = nullptr;
  /// Called from one thread at a time with the task, "faults" or "controls", and its progress.
  std::function<void(const char*, std::size_t done, std::size_t of)> progress;
};

/// Number of cases for a law: a tenth of `cases` for a law whose cases are large.
int cases_for(const Law& law, int cases);

/// One fault under one law.
struct AuditCell {
  bool reached = false;    ///< a case ran to which the law applies
  bool triggered = false;  ///< a case ran with another outcome than that of the reference
  /// By seed: number of applicable cases up to the first one that violated the law; 0: none did.
  std::vector<int> first;

  int detected() const;
  /// Median of `first` over the seeds that detected the fault (`detected` counts them): the mean of the
  /// middle two for an even number; 0 for none.
  double median() const;
};

/// Right subject that a law accuses.
struct Alarm {
  std::string subject;
  const Law* law = nullptr;
  Case content;
  std::string message;
};
struct ControlCell {
  std::int64_t cases = 0;
  std::int64_t alarms = 0;
  std::optional<Alarm> first;
};

struct AuditResult {
  AuditPlan plan;
  AuditOptions options;
  std::vector<std::vector<AuditCell>> faults;      ///< by fault, then by law
  std::vector<std::vector<ControlCell>> controls;  ///< by control, then by law
  /// Results of the reference while faults were looked for, by law. No fault runs a case that the reference
  /// fails.
  std::vector<ControlCell> reference;
  bool interrupted = false;
};

AuditResult audit(AuditPlan plan, const AuditOptions& options);

/// First case by which the law detected the fault, from the first seed that detected it; nullopt if none did.
std::optional<Case> detecting_case(const AuditResult& result, std::size_t fault, std::size_t law);

/// Seed of the choices for case `index`, and its size: sizes grow from 5 to 100, as in a check.
std::uint64_t case_seed(std::uint64_t seed, std::string_view law, std::uint64_t index);
int case_size(int index, int total);

}  // namespace bncheck
