#include "report/markup.hpp"

#include "bncheck/untrusted_text.hpp"

namespace bncheck {

std::string markup(std::string_view text) {
  std::string safe;
  for (const char letter : untrusted_lines(text)) {
    switch (letter) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += letter;
    }
  }
  return safe;
}

}  // namespace bncheck
