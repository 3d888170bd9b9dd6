#pragma once
/// A case file inside of a page.

#include <optional>
#include <string>

#include "bncheck/case_file.hpp"

namespace bncheck {

/// The case file as a data URL; nullopt for one that is larger than a page should carry.
std::optional<std::string> case_url(const CaseFile& file);

}  // namespace bncheck
