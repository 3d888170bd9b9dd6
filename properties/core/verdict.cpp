#include "core/verdict.hpp"

#include "bncheck/ascii.hpp"

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

std::string signature_of(const Verdict& verdict) {
  Words words(verdict.message);
  std::string kept;
  for (std::string word; words.next(word);) {
    const bool number = word.find_first_of("0123456789") != std::string::npos ||
                        word.find("nan") != std::string::npos || word.find("inf") != std::string::npos;
    if (!number) kept += (kept.empty() ? "" : " ") + word;
  }
  return kept;
}

}  // namespace bncheck
