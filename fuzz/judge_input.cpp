#include "judge_input.hpp"

#include "findings.hpp"
#include "statistics.hpp"

namespace bncheck::fuzz {

Verdict judge_by_family(const Family& family, Input& input) {
  Verdict verdict = judge(input);
  if (verdict.kind != Verdict::Kind::not_applicable) return verdict;
  const Law* other = law_for(family, input.content, subject_named(input.subject).can().dialect);
  if (other == nullptr || other == input.law) return verdict;
  input.law = other;
  return judge(input);
}

void judge_input(const Family& family, std::span<const std::uint8_t> bytes) {
  Input input = decode(family, bytes);
  leave_trace(input);
  Verdict verdict = judge_by_family(family, input);
  Statistics::instance().count(elements_of(input.content), verdict.kind != Verdict::Kind::not_applicable);
  if (verdict.is_bad()) report_and_abort(std::move(input), std::move(verdict));
}

}  // namespace bncheck::fuzz
