#include "bncheck/check_laws.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "bncheck/case_file.hpp"
#include "bncheck/untrusted_text.hpp"
#include "laws/catalogue.hpp"
#include "report/baseline.hpp"
#include "report/results.hpp"
#include "report/show_case.hpp"
#include "search/audit.hpp"
#include "search/check_laws.hpp"

namespace bncheck {
namespace {

std::string report_of(const LawResult& result) {
  std::string reason = untrusted_line(result.reason, message_bytes);
  if (!result.counterexample) return reason;
  for (const Explanation& explanation : result.explanations) reason += "\n" + show(explanation);
  std::string text = fmt::format("{}\n{}\n{}", result.law->statement, reason,
                                 show_mismatches(*result.counterexample, result.verdict.mismatches));
  for (const auto& [title, content] : cases_of(result)) text += title + ":\n" + show_case(*content);
  return text;
}

std::string save(const LawResult& result, const Subject& subject, const LawCheckOptions& options) {
  if (!result.counterexample || result.known || options.folder.empty()) return "";
  return store_failure(options.folder,
                       {*result.counterexample,
                        {{"law", result.law->name},
                         {"subject", subject.name()},
                         {"version", subject.version()},
                         {"message", result.reason},
                         {"seed", std::to_string(options.seed)}}},
                       result.before)
      .string();
}

/// Result for one case file, as if it had been drawn.
LawResult replayed(const Law& law, Subject& subject, const std::string& file) {
  const CaseFile stored = load_case(file);
  const Case& c = stored.content;
  LawResult result;
  result.law = &law;
  Runner runner(subject);
  if (const std::vector<Case> before = cases_before(file, stored); !before.empty()) runner.run_afresh(before);
  result.verdict = check_case(law, c, runner);
  if (!result.verdict.is_bad()) {
    if (const std::optional<Death> death = subject.finish()) result.verdict = verdict_of_end(*death);
  }
  result.reason = result.verdict.message;
  result.kind = result.verdict.kind;
  if (result.verdict.is_bad()) {
    result.counterexample = c;
    if (result.kind == Verdict::Kind::violated) {
      result.rank = rank_of(result.verdict, law, c, runner);
      result.explanations = explanations_of(law, c, c, result.rank, subject, nullptr, [] { return false; });
    }
  }
  if (result.kind == Verdict::Kind::holds) {
    result.cases = 1;
    result.worst_ulps = result.verdict.worst_ulps;
    result.worst_ratio = result.verdict.worst_ratio;
  }
  return result;
}

LawCheck as_check(const LawResult& result, bool strict, std::string case_file) {
  LawCheck check;
  check.law = result.law->name;
  check.statement = result.law->statement;
  check.verdict = result.kind;
  if (result.counterexample) {
    check.rank = name_of(result.rank);
    check.known = result.known;
    check.fails = !result.known && (strict || usual_failures.contains(result.rank));
  }
  check.cases = result.cases;
  check.worst_ulps = result.worst_ulps;
  check.worst_ratio = result.worst_ratio;
  check.report = report_of(result);
  check.case_file = std::move(case_file);
  return check;
}

/// One per law, and one of the end where something is wrong with it.
std::vector<LawCheck> all_checks(std::vector<const Law*> laws, Subject& subject,
                                 const LawCheckOptions& options) {
  std::vector<LawCheck> checks;
  CheckOptions search;
  search.seed = options.seed;
  LawsToCheck what{std::move(laws)};
  what.starts = [&](const Law& law, CheckOptions& of_law) { of_law.cases = cases_for(law, options.cases); };
  BaselineRun baseline = BaselineRun::open(options.baseline, options.update_baseline);
  if (!options.baseline.empty())
    search.is_known = [&](const Law& law, const Verdict& verdict, Rank rank) {
      return baseline.knows(law, verdict, rank);
    };
  what.takes = [&](const LawResult& result) {
    if (result.is_complete()) baseline.completed(*result.law);
    checks.push_back(as_check(result, options.strict, save(result, subject, options)));
  };
  const std::string lost = check_laws(what, subject, search);
  if (options.update_baseline && lost.empty()) baseline.updated().write(options.baseline);
  return checks;
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
  if (!options.case_file.empty())
    return as_check(replayed(*law, subject, options.case_file), options.strict, options.case_file);
  std::vector<LawCheck> checks = all_checks({law}, subject, options);
  LawCheck& check = checks.front();
  // A subject that died at its end has not kept the law; what it violated before says more.
  if (checks.size() > 1 && !check.fails) {
    check.verdict = checks.back().verdict;
    check.fails = true;
    check.report = std::move(checks.back().report);
    check.case_file = std::move(checks.back().case_file);
  }
  return std::move(check);
}

std::vector<LawCheck> check_all_laws(Subject& subject, const LawCheckOptions& options,
                                     const std::string& pattern) {
  return all_checks(laws_matching(pattern), subject, options);
}

}  // namespace bncheck
