#pragma once
/// Report for CI systems: JUnit's XML, as their plugins read it.

#include <string>

#include "report/results.hpp"

namespace bncheck {

/// A test suite with the subject's name and a test case per law. A violated law is a failure: its message is
/// the reason, its text has the mismatches, the shrunk case and the line that replays it. A law that does not
/// apply is skipped, and so is an inconclusive one, which says nothing against the subject. A subject that
/// could not be started, or started again, is an error in a test case of its own. There are no times, so that
/// the same run gives the same file.
std::string to_junit(const CheckReport& report, const Declaration& declared);

}  // namespace bncheck
