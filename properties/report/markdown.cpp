#include "report/markdown.hpp"

namespace bncheck {

std::string markdown_cell(const std::string& text) {
  std::string safe;
  for (const char letter : text) {
    if (letter == '|' || letter == '*' || letter == '_' || letter == '<') safe += '\\';
    safe += letter == '\n' ? ' ' : letter;
  }
  return safe;
}

}  // namespace bncheck
