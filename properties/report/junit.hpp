#pragma once
/// The report for CI systems: JUnit's XML, as their plugins read it.

#include <string>

#include "report/results.hpp"

namespace bncheck {

/// A test suite of the subject's name with a test case per law. A violated law is a failure whose message is
/// the reason and whose text has the mismatches, the shrunk case and the line that replays it; a law that
/// does not apply is skipped, and so is an inconclusive one, for it says nothing against the subject. A
/// subject that could not be started, at first or again, is an error in a test case of its own. No
/// times: the same run gives the same file. `dialect` is the one that the user asked for.
std::string to_junit(const CheckReport& report, const std::string& dialect);

}  // namespace bncheck
