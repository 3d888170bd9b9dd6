#include "core/law.hpp"

namespace bncheck {

Verdict check_case(const Law& law, const Case& c, Runner& runner) {
  try {
    return law.check(c, runner);
  } catch (Settled& settled) {
    return std::move(settled.verdict);
  }
}

}  // namespace bncheck
