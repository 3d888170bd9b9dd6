#pragma once
/// What commands print. Neither a full stdout nor a full stderr ends a run: its other results are worth
/// having.

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace bncheck {

/// To stdout. What could not be written shows in `output_is_whole`; where the reader has gone, as `head -1`
/// does, the program ends.
void print_text(std::string_view text);
template <class... Values>
void print(fmt::format_string<Values...> format, Values&&... values) {
  print_text(fmt::format(format, std::forward<Values>(values)...));
}
void flush_output();
/// Everything that was printed has been written, as far as stdout can tell.
bool output_is_whole();

/// "bncheck: MESSAGE", one line on stderr.
void complain(const std::string& message);
/// A passing line on stderr, which is a terminal.
void show_progress(std::string_view text);

}  // namespace bncheck
