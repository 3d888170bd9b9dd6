#pragma once
/// Environment of a report, which may explain a different result elsewhere.

#include <string>
#include <utility>
#include <vector>

namespace bncheck {

/// Names and values: version and compiler of this program, the system, the processor and its vector
/// instructions. There is no date, so that the same run gives the same report.
std::vector<std::pair<std::string, std::string>> environment_facts(const std::string& version);

}  // namespace bncheck
