#pragma once
/// A case file inside a page.

#include <optional>
#include <string>

#include "bncheck/case_file.hpp"

namespace bncheck {

/// The case file as a data URL; nullopt if it is too large for a page.
std::optional<std::string> case_url(const CaseFile& file);

}  // namespace bncheck
