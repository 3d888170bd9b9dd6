#pragma once
/// What `bncheck diagnose` prints.

#include <string>

#include "report/console.hpp"
#include "search/diagnose.hpp"

namespace bncheck {

/// A line per knob: what was found, and the evidence; then what no dialect explains, and the option
/// that the other commands take.
std::string show_diagnosis(const Diagnosis& diagnosis, const std::string& subject, Style style);

/// {"schema": 1, "subject", "version", "dialect", "nearest", "explained", "unexplained", "knobs"}; a knob has
/// "found" (its values that are left), "identified", "reason" and "evidence".
std::string to_json(const Diagnosis& diagnosis, const std::string& subject, const std::string& version);

}  // namespace bncheck
