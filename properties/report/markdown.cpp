#include "report/markdown.hpp"

#include <string_view>

#include "bncheck/untrusted_text.hpp"

namespace bncheck {

std::string markdown_cell(const std::string& text) {
  std::string safe;
  for (const char letter : untrusted_line(text, message_bytes)) {
    if (std::string_view("\\`*_[]<>|~&").find(letter) != std::string_view::npos) safe += '\\';
    safe += letter;
  }
  return safe;
}

}  // namespace bncheck
