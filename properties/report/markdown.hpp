#pragma once
/// Text in Markdown tables.

#include <string>

namespace bncheck {

/// A pipe would end a cell of a table, an asterisk could start emphasis.
std::string markdown_cell(const std::string& text);

}  // namespace bncheck
