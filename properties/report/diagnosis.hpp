#pragma once
/// Output of `bncheck diagnose`.

#include <string>

#include "report/console.hpp"
#include "search/diagnose.hpp"

namespace bncheck {

/// Table with one line per knob: its finding and the evidence. Then the experiments that no dialect explains,
/// the nearest preset, and a `bncheck check` command with the --dialect option.
std::string show_diagnosis(const Diagnosis& diagnosis, const std::string& subject, Style style);

/// {"schema": 2, "subject", "version", "lost": why the subject could not be asked, or null, "dialect",
/// "nearest", "explained", "unexplained", "knobs"}; a knob has "found" (its remaining values),
/// "identified", "reason" and "evidence". If the subject was lost, "dialect" and "nearest" are null.
std::string to_json(const Diagnosis& diagnosis, const std::string& subject, const std::string& version);

}  // namespace bncheck
