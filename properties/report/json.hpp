#pragma once
/// The report for programs: schema 2.

#include <string>

#include "report/results.hpp"

namespace bncheck {

/// {"schema": 2, "subject", "version", "dialect", "numerics", "seed", "cases", "violations": laws with a counterexample,
/// "failures": those that fail the check, "gone": [{"law", "rank", "signature"}] of the baseline,
/// "stored": {"tried", "hold_again"}, "coverage": {GROUP: {CLASS: cases}}, "accuracy": as accuracy_json
/// (report/accuracy.hpp) gives it, "interrupted", "lost": why the subject could not be started or started again, or
/// null, "laws":
/// [{"name", "verdict", "rank": of a violation (core/rank.hpp) or null, "known": in the baseline, "after_cases": number
/// of cases that must run before, "cases", "discarded", "reason", "worst_ulp", "worst_ratio", "climbed":
/// {"evaluations", "worst_ratio"}, "slow": {"seconds", "median_seconds", "case"}, "explained_by": the declaration
/// with which the finding would be none or null, "case_file"}]}; numbers
/// that are not finite are the strings "inf" and "nan"; absent values are null.
std::string to_json(const CheckReport& report);

}  // namespace bncheck
