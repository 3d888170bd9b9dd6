#include "core/verdict.hpp"

namespace bncheck {

std::string_view name_of(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::holds:
      return "holds";
    case Verdict::Kind::violated:
      return "violated";
    case Verdict::Kind::not_applicable:
      return "not applicable";
    case Verdict::Kind::died:
      return "died";
    case Verdict::Kind::inconclusive:
      break;
  }
  return "inconclusive";
}

}  // namespace bncheck
