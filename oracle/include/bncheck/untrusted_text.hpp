#pragma once
/// Untrusted text, as a person may be shown it. What a subject, a plugin, a program or a file says may
/// hold anything and be of any length: sequences that clear a terminal, a carriage return and a line that
/// looks like ours, megabytes. Every text of theirs passes one of these functions before it reaches a
/// terminal, a log, a page or a saved note.
///
/// Printable UTF-8 stays as it is. Newline, carriage return and tab become \n, \r and \t; any other control
/// character of ASCII, and any byte that is no UTF-8, becomes \x and two hexadecimal digits, as in \x1b[2J;
/// U+0080 to U+009F, marks of direction, other characters that show as nothing, separators of lines and
/// noncharacters become \u and four digits or \U and eight, as in \u202e. A backslash stays a backslash: this
/// is for eyes and is not undone, and what passes twice is as after once.

#include <cstddef>
#include <string>
#include <string_view>

namespace bncheck {

/// What a line has room for beside other things: a name, a version, the reason in a row of a table.
inline constexpr std::size_t line_bytes = 300;
/// Where more is wanted: a message on its own, a note in a case file.
inline constexpr std::size_t message_bytes = 4096;

/// One line of at most `most` bytes (40 or more), without newlines at the end. Text that would be longer is
/// cut between two characters and ends in "... (8388608 bytes)", the length of the text as it was.
std::string untrusted_line(std::string_view text, std::size_t most = line_bytes);

/// The same in single quotes, for a message that names what was given; newlines at the end are part of it.
std::string in_quotes(std::string_view text, std::size_t most = 60);

/// Several lines of ours that quote untrusted text: newlines and tabs stay, nothing is cut.
std::string untrusted_lines(std::string_view text);

}  // namespace bncheck
