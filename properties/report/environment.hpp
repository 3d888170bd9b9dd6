#pragma once
/// On what a report was made: what another result may be due to.

#include <string>
#include <utility>
#include <vector>

namespace bncheck {

/// Names and values: this program's version and compiler, the system, the processor and the vector
/// instructions that it has. No date: the same run gives the same report.
std::vector<std::pair<std::string, std::string>> environment_facts(const std::string& version);

}  // namespace bncheck
