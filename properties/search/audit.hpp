#pragma once
/// How strong laws are: which faulty subjects they tell from a right one, how soon, and whether they accuse
/// right ones.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/law.hpp"

namespace bncheck {

/// A subject that is made as often as it is needed: every law and seed has one of its own.
struct AuditSubject {
  std::string name;
  /// Where a fault was found, and the row of the catalogue of mechanisms that it belongs to; of controls
  /// empty and 0.
  std::string source;
  int row = 0;
  std::function<std::unique_ptr<Subject>()> make;
};

/// Preconditions: subjects answer a case without regard to earlier ones, or in a way that depends on their
/// number only; faults can do what the reference can.
struct AuditPlan {
  std::vector<const Law*> laws;  ///< they outlive the audit's result
  AuditSubject reference;
  std::vector<AuditSubject> faults, controls;
};
/// All laws, faults and controls that there are.
AuditPlan whole_audit();

struct AuditOptions {
  std::uint64_t seed = 1;   ///< the first of them
  int seeds = 10;           ///< every fault is looked for so often, from this seed and those after it
  int cases = 100;          ///< applicable ones per law and seed
  int control_cases = 100;  ///< applicable ones per law and control, from the first seed
  unsigned jobs = 1;        ///< threads; the result does not depend on it
  const std::atomic<bool>* interrupted = nullptr;
  /// Called from one thread at a time with a task, "faults" or "controls", and how much of it is done.
  std::function<void(const char*, std::size_t done, std::size_t of)> progress;
};

/// Of a law whose cases are large, one case stands for ten.
int cases_for(const Law& law, int cases);

/// One fault under one law.
struct AuditCell {
  bool reached = false;    ///< a case that the law applies to ran
  bool triggered = false;  ///< with another outcome than the reference's
  /// By seed: the number of applicable cases up to the first one that violated the law; 0: none did.
  std::vector<int> first;

  int detected() const;
  /// Of `first` over the seeds that detected it: `detected` says how often it was missed.
  /// The mean of the middle two of an even number; 0 for none.
  double median() const;
};

/// A right subject that a law accuses.
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
  std::vector<std::vector<AuditCell>> faults;      ///< by fault, by law
  std::vector<std::vector<ControlCell>> controls;  ///< by control, by law
  /// What the reference did while faults were looked for, by law. Cases that it fails are put to no fault.
  std::vector<ControlCell> reference;
  bool interrupted = false;
};

AuditResult audit(AuditPlan plan, const AuditOptions& options);

/// The first case by which the law detected the fault, from the first of the seeds that detected it; nullopt
/// where none did.
std::optional<Case> detecting_case(const AuditResult& result, std::size_t fault, std::size_t law);

/// The stream of choices of case `index` of `total`: sizes grow from 5 to 100, as in a check.
std::uint64_t case_seed(std::uint64_t seed, std::string_view law, std::uint64_t index);
int case_size(int index, int total);

}  // namespace bncheck
