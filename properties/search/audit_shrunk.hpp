#pragma once
/// The smallest case found by which a fault is detected.

#include <chrono>

#include "search/audit.hpp"

namespace bncheck {

struct ShrunkCase {
  const Law* law = nullptr;  ///< null: no law detects the fault
  std::optional<Case> content;
  Verdict verdict;
  double seconds = 0;  ///< time of shrinking
};

/// One case per fault, for the law that detects it quickest: the first case by which the audit found it,
/// shrunk for at most `time`.
std::vector<ShrunkCase> shrink_faults(const AuditResult& result, std::chrono::milliseconds time);

/// Largest number of channels of an input, and of values per channel. An input of rank below 2 counts as one
/// channel.
struct CaseExtent {
  std::int64_t channels = 0, values = 0;
};
CaseExtent extent(const Case& c);
/// Whether the case has at most 2 channels and at most 8 values in each.
bool is_small(const Case& c);

}  // namespace bncheck
