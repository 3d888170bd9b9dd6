#pragma once
/// Text in Markdown tables.

#include <string>

namespace bncheck {

/// Foreign text as a line of text and nothing else (bncheck/untrusted_text.hpp): a pipe would end a cell of a
/// table, an asterisk start emphasis, a bracket a link.
std::string markdown_cell(const std::string& text);

}  // namespace bncheck
