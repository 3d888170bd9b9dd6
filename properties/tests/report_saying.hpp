#pragma once
/// A report with given texts, for tests of the way of texts to a reader.

#include <string>

#include "laws/catalogue.hpp"
#include "report/results.hpp"
#include "support.hpp"

namespace bncheck::test {

/// A report with a finding and a law that is not applicable; `version` is the reason of both.
inline CheckReport report_saying(const std::string& subject, const std::string& version,
                                 const std::string& dialect, const std::string& case_file) {
  CheckReport report{subject, version, dialect, "sound", 1, false, {}};
  LawResult result;
  result.law = law_named("zero_mean");
  result.kind = Verdict::Kind::violated;
  result.reason = version;
  result.counterexample = forward_case(true, {2, 1}, {1, 2});
  result.verdict = Verdict::violated(version);
  report.findings.push_back({result, case_file});
  result.counterexample.reset();
  result.kind = Verdict::Kind::not_applicable;
  report.findings.push_back({result, ""});
  return report;
}

}  // namespace bncheck::test
