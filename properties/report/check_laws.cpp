#include "bncheck/check_laws.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "bncheck/case_file.hpp"
#include "bncheck/untrusted_text.hpp"
#include "laws/catalogue.hpp"
#include "report/show_case.hpp"
#include "search/audit.hpp"
#include "search/check_law.hpp"

namespace bncheck {
namespace {

std::string report_of(const LawResult& result) {
  const std::string reason = untrusted_line(result.reason, message_bytes);
  if (!result.counterexample) return reason;
  const Case& c = *result.counterexample;
  return fmt::format("{}\n{}\n{}{}:\n{}", result.law->statement, reason,
                     show_mismatches(c, result.verdict.mismatches),
                     result.flaky() ? "the case" : "the smallest case found", show_case(c));
}

std::string save(const LawResult& result, const Subject& subject, const LawCheckOptions& options) {
  if (!result.counterexample || options.folder.empty()) return "";
  return store_failure(options.folder, {*result.counterexample,
                                        {{"law", result.law->name},
                                         {"subject", subject.name()},
                                         {"version", subject.version()},
                                         {"message", result.reason},
                                         {"seed", std::to_string(options.seed)}}})
      .string();
}

/// Result for one case file, as if it had been drawn.
LawResult replayed(const Law& law, Subject& subject, const std::string& file) {
  const Case c = load_case(file).content;
  LawResult result;
  result.law = &law;
  Runner runner(subject);
  result.verdict = check_case(law, c, runner);
  result.reason = result.verdict.message;
  result.kind = result.verdict.kind;
  if (result.verdict.is_bad()) result.counterexample = c;
  if (result.kind == Verdict::Kind::holds) {
    result.cases = 1;
    result.worst_ulps = result.verdict.worst_ulps;
    result.worst_ratio = result.verdict.worst_ratio;
  }
  return result;
}

}  // namespace

std::vector<std::string> law_names(const std::string& pattern) {
  std::vector<std::string> names;
  for (const Law* law : laws_matching(pattern)) names.push_back(law->name);
  return names;
}

LawCheck check_law(Subject& subject, const std::string& name, const LawCheckOptions& options) {
  const Law* law = law_named(name);
  if (law == nullptr) throw std::invalid_argument("unknown law '" + name + "'");
  CheckOptions search;
  search.cases = cases_for(*law, options.cases);
  search.seed = options.seed;
  const bool replays = !options.case_file.empty();
  const LawResult result =
      replays ? replayed(*law, subject, options.case_file) : check_law(*law, subject, search);
  return {law->name,         law->statement,
          result.kind,       result.cases,
          result.worst_ulps, result.worst_ratio,
          report_of(result), replays ? options.case_file : save(result, subject, options)};
}

std::vector<LawCheck> check_all_laws(Subject& subject, const LawCheckOptions& options,
                                     const std::string& pattern) {
  std::vector<LawCheck> checks;
  for (const std::string& law : law_names(pattern)) checks.push_back(check_law(subject, law, options));
  return checks;
}

}  // namespace bncheck
