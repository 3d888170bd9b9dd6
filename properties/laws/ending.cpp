#include "generate/cases.hpp"
#include "laws/catalogue.hpp"

namespace bncheck {
namespace {

/// Small case, so that the subject has answered a request before its end.
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
  static const Law law{"ends_in_order",
                       "After its last request a subject ends by itself, in time and with status 0.",
                       {},
                       draw_any,
                       check_ending,
                       {.any_dtype = true}};
  return law;
}

}  // namespace bncheck
