#pragma once
/// What follows from an audit's cells.

#include "search/audit.hpp"

namespace bncheck {

/// Which laws count.
enum class Counted {
  every_law,
  without_exact,  ///< not those that hold numbers against the exact answer
};

/// Seeds of which some law that counts tells the fault.
int detected_seeds(const AuditResult& result, std::size_t fault, Counted counted = Counted::every_law);
/// Share of faults that are detected from every seed; 1 where there are none.
double score(const AuditResult& result, Counted counted = Counted::every_law);

bool is_reached(const AuditResult& result, std::size_t fault);
bool is_triggered(const AuditResult& result, std::size_t fault);
/// The index of the law that tells the fault from most seeds; of those the one with small cases that has the
/// smallest median. nullopt where none does.
std::optional<std::size_t> quickest_law(const AuditResult& result, std::size_t fault);
/// Indices of the laws that tell the fault from every seed.
std::vector<std::size_t> sure_laws(const AuditResult& result, std::size_t fault);
/// Indices of the faults that the law tells from every seed, and of those that no other law does.
std::vector<std::size_t> kills(const AuditResult& result, std::size_t law);
std::vector<std::size_t> sole_kills(const AuditResult& result, std::size_t law);

/// All cells of one control, or of the reference.
ControlCell total(const std::vector<ControlCell>& cells);
std::int64_t alarms(const AuditResult& result);
std::vector<Alarm> first_alarms(const AuditResult& result);

/// Every fault is detected from every seed, and no right subject is accused.
bool is_clean(const AuditResult& result);

}  // namespace bncheck
