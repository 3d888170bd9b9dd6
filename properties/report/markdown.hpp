#pragma once
/// Text in Markdown tables.

#include <string>

namespace bncheck {

/// Untrusted text as one line of plain text (bncheck/untrusted_text.hpp). Unescaped, a pipe would end a cell
/// of a table, an asterisk start emphasis, a bracket a link.
std::string markdown_cell(const std::string& text);

}  // namespace bncheck
