#pragma once
/// Adapters to other implementations, of which a build has those that were installed. They are linked into
/// the bncheck program only, so that tests and fuzz targets load no framework.

#include <vector>

#include "subjects/registry.hpp"

namespace bncheck {

/// One entry per known peer, unavailable ones with their reason.
std::vector<SubjectEntry> peer_entries();

}  // namespace bncheck
