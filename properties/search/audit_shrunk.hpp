#pragma once
/// The smallest case found that tells a fault.

#include <chrono>

#include "search/audit.hpp"

namespace bncheck {

struct ShrunkCase {
  const Law* law = nullptr;  ///< null: no law tells the fault
  std::optional<Case> content;
  Verdict verdict;
  double seconds = 0;  ///< of shrinking
};

/// One per fault, by the law that tells it quickest, from the first case by which the audit found it, shrunk
/// for at most `time`.
std::vector<ShrunkCase> shrink_faults(const AuditResult& result, std::chrono::milliseconds time);

/// Most channels of any input, and most values per channel. An input of another rank than 2 or more is one
/// channel.
struct CaseExtent {
  std::int64_t channels = 0, values = 0;
};
CaseExtent extent(const Case& c);
/// At most 2 channels and at most 8 values in each.
bool is_small(const Case& c);

}  // namespace bncheck
