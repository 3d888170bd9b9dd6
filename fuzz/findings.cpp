#include "findings.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "bncheck/untrusted_text.hpp"
#include "report/show_case.hpp"
#include "search/failure_store.hpp"
#include "search/shrink.hpp"
#include "statistics.hpp"

namespace bncheck::fuzz {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds shrink_time{3};

/// Follows smaller cases that are bad too, until there is none or the time is up.
void shrink(Input& input, Verdict& verdict) {
  const auto wanted = [&](const Case& c) {
    const Input candidate{input.law, input.subject, c};
    if (!affordable(candidate.content)) return false;
    Verdict judged = judge(candidate);
    if (!judged.is_bad()) return false;
    verdict = std::move(judged);
    return true;
  };
  input.content = bncheck::shrink(std::move(input.content), wanted, Clock::now() + shrink_time);
}

std::filesystem::path save(const Input& input, const Verdict& verdict) {
  const char* chosen = std::getenv("BNCHECK_FINDINGS");
  return store_failure(
      chosen != nullptr ? chosen : "bncheck-failures",
      {input.content, {{"law", input.law->name}, {"subject", input.subject}, {"message", verdict.message}}});
}

}  // namespace

Verdict judge(const Input& input) {
  Runner runner(subject_named(input.subject));
  if (const auto reason = unmet_need(*input.law, runner.can())) return Verdict::not_applicable(*reason);
  return check_case(*input.law, input.content, runner);
}

void leave_trace(const Input& input) {
  static const char* const name = std::getenv("BNCHECK_FUZZ_CASE");
  if (name == nullptr) return;
  save_case(name, {input.content, {{"law", input.law->name}, {"subject", input.subject}}});
}

void report_and_abort(Input input, Verdict verdict) {
  shrink(input, verdict);
  const std::string path = save(input, verdict).string();
  fmt::print(stderr, "\n{} {}: {}\n{}{}", input.law->name, name_of(verdict.kind),
             untrusted_line(verdict.message, message_bytes), show_case(input.content),
             show_mismatches(input.content, verdict.mismatches));
  fmt::print(stderr, "FINDING {}\nREPLAY bncheck replay {} --subject {}\n", path, path, input.subject);
  Statistics::instance().write();
  std::abort();
}

void abort_with(const std::string& message) {
  fmt::print(stderr, "\nFINDING {}\n", untrusted_line(message, message_bytes));
  Statistics::instance().write();
  std::abort();
}

}  // namespace bncheck::fuzz
