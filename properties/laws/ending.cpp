#include "generate/cases.hpp"
#include "laws/catalogue.hpp"

namespace bncheck {
namespace {

/// Small, and of no interest but that something has been asked before the end.
Case draw_any(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.shape.max_elements = 40;
  return draw_case(draws, can, wish);
}

Verdict check_ending(const Case& c, Runner& runner) {
  runner.run(c);
  const std::optional<Death> death = runner.subject().finish();
  return death ? verdict_of_end(*death) : Verdict{};
}

}  // namespace

Verdict verdict_of_end(const Death& death) {
  Verdict verdict;
  verdict.kind = Verdict::Kind::died;
  verdict.message = "at its end the subject " + std::string(name_of(death.cause)) + ": " + death.detail;
  return verdict;
}

const Law& ending_law() {
  static const Law law{
      "ends_in_order",
      "A subject whose requests have come to their end leaves by itself, with status 0 and in time.",
      {},
      draw_any,
      check_ending,
      {.any_dtype = true}};
  return law;
}

}  // namespace bncheck
