#pragma once
/// Adapters to other implementations. A build has those that were installed. They are linked into the bncheck
/// program only, so that tests and fuzz targets load no framework.

#include <vector>

#include "subjects/registry.hpp"

namespace bncheck {

/// One entry per known peer; an unavailable one has the reason.
std::vector<SubjectEntry> peer_entries();

}  // namespace bncheck
