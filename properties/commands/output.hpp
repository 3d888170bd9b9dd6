#pragma once
/// Output of the commands. A full stdout or stderr does not end a run, because its other results are useful.

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace bncheck {

/// Prints to stdout. A failure shows in `output_is_whole`. If the reader of stdout has gone, as with `head
/// -1`, the program ends.
void print_text(std::string_view text);
template <class... Values>
void print(fmt::format_string<Values...> format, Values&&... values) {
  print_text(fmt::format(format, std::forward<Values>(values)...));
}
void flush_output();
/// Whether everything printed has been written, as far as stdout reports it.
bool output_is_whole();

/// Prints "bncheck: MESSAGE" as one line on stderr.
void complain(const std::string& message);
/// Prints a temporary line on stderr, which is a terminal.
void show_progress(std::string_view text);

}  // namespace bncheck
