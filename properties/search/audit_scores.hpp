#pragma once
/// Scores computed from the cells of an audit.

#include "search/audit.hpp"

namespace bncheck {

/// Laws that count for a score.
enum class Counted {
  every_law,
  without_exact,  ///< without the laws that compare with the exact answer
};

/// Number of seeds with which a law that counts detects the fault.
int detected_seeds(const AuditResult& result, std::size_t fault, Counted counted = Counted::every_law);
/// Share of faults that are detected from every seed; 1 if there are no faults.
double score(const AuditResult& result, Counted counted = Counted::every_law);

bool is_reached(const AuditResult& result, std::size_t fault);
bool is_triggered(const AuditResult& result, std::size_t fault);
/// Index of the law that detects the fault from most seeds; among those with small cases, the one with the
/// smallest median. nullopt if no law detects it.
std::optional<std::size_t> quickest_law(const AuditResult& result, std::size_t fault);
/// Indices of the laws that detect the fault from every seed.
std::vector<std::size_t> sure_laws(const AuditResult& result, std::size_t fault);
/// Indices of the faults that the law detects from every seed; sole_kills: those that no other law detects.
std::vector<std::size_t> kills(const AuditResult& result, std::size_t law);
std::vector<std::size_t> sole_kills(const AuditResult& result, std::size_t law);

/// Sum of the cells of one control, or of the reference.
ControlCell total(const std::vector<ControlCell>& cells);
std::int64_t alarms(const AuditResult& result);
std::vector<Alarm> first_alarms(const AuditResult& result);

/// Whether every fault is detected from every seed and no right subject is accused.
bool is_clean(const AuditResult& result);

}  // namespace bncheck
