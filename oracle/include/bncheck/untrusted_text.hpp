#pragma once
/// Untrusted text, made safe to show to a person. Text from a subject, a plugin, a program or a file may hold
/// anything and be of any length: sequences that clear a terminal, a carriage return and a line that looks
/// like one of bncheck's, megabytes. Every such text passes one of these functions before it reaches a
/// terminal, a log, a page or a saved note.
///
/// Printable UTF-8 stays as it is. Newline, carriage return and tab become \n, \r and \t. Any other control
/// character of ASCII, and any byte that is no UTF-8, becomes \x and two hexadecimal digits, as in \x1b[2J.
/// U+0080 to U+009F, marks of direction, other invisible characters, separators of lines and noncharacters
/// become \u and four digits or \U and eight, as in \u202e. A backslash stays a backslash: the result is for
/// reading and is not decoded again, and escaping it once more does not change it.

#include <cstddef>
#include <string>
#include <string_view>

namespace bncheck {

/// Limit for text within a line: a name, a version, the reason in a row of a table.
inline constexpr std::size_t line_bytes = 300;
/// Limit for longer text: a message on its own, a note in a case file.
inline constexpr std::size_t message_bytes = 4096;

/// The text in one line of at most `most` bytes (40 or more), without newlines at its end. Longer text is cut
/// between two characters and ends in "... (8388608 bytes)", with the length of the original text.
std::string untrusted_line(std::string_view text, std::size_t most = line_bytes);

/// The same in single quotes, for a message that names an input; newlines at the end are kept.
std::string in_quotes(std::string_view text, std::size_t most = 60);

/// Lines of bncheck that quote untrusted text: newlines and tabs stay, nothing is cut.
std::string untrusted_lines(std::string_view text);

}  // namespace bncheck
