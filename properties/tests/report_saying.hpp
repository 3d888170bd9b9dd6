#pragma once
/// A report in which every text is given, for tests of what becomes of texts on their way to a reader.

#include <string>

#include "laws/catalogue.hpp"
#include "report/results.hpp"
#include "support.hpp"

namespace bncheck::test {

/// A finding and a law that is not applicable; the version is the reason of both.
inline CheckReport report_saying(const std::string& subject, const std::string& version,
                                 const std::string& dialect, const std::string& case_file) {
  CheckReport report{subject, version, dialect, 1, false, {}};
  LawResult result;
  result.law = law_named("zero_mean");
  result.kind = LawResult::Kind::violated;
  result.reason = version;
  result.counterexample = forward_case(true, {2, 1}, {1, 2});
  result.verdict = Verdict::violated(version);
  report.findings.push_back({result, case_file});
  result.counterexample.reset();
  result.kind = LawResult::Kind::not_applicable;
  report.findings.push_back({result, ""});
  return report;
}

}  // namespace bncheck::test
