#pragma once
/// Output of `bncheck diagnose`.

#include <string>

#include "report/console.hpp"
#include "search/diagnose.hpp"

namespace bncheck {

/// Table with one line per knob: its finding and the evidence. Then the experiments that no dialect explains,
/// the nearest preset, the numerics with the laws that each loss explains, the same as C and as Python declare it, and a
/// `bncheck check` command with the options.
std::string show_diagnosis(const Diagnosis& diagnosis, const std::string& subject, Style style);

/// {"schema": 2, "subject", "version", "lost": why the subject could not be asked, or null, "dialect",
/// "nearest", "experiments": {"posed", "answered"}, "explained", "unexplained", "knobs", "numerics": {"declare", "losses": [{"knobs", "laws"}], "violated"} or
/// null}; a knob has "found" (its remaining values),
/// "identified", "reason" and "evidence". If the subject was lost, "dialect" and "nearest" are null.
std::string to_json(const Diagnosis& diagnosis, const std::string& subject, const std::string& version);

}  // namespace bncheck
