#include "bncheck/untrusted_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

namespace bncheck {
namespace {

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  ///< 0: the bytes are not UTF-8
};

/// Character at the start of the text, by RFC 3629: shortest form only, no surrogates.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  std::uint32_t code = first & (0x7fU >> length);
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(k) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(k) & 0x3fU);
  }
  constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < smallest[length] || code > 0x10ffff || surrogate ? Character{} : Character{code, length};
}

/// Whether the character is neither a control, a mark of direction, a separator of lines, a noncharacter nor
/// invisible.
bool is_printable(std::uint32_t code) {
  constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 13> hidden{{{0x00, 0x1f},
                                                                            {0x7f, 0x9f},
                                                                            {0xad, 0xad},
                                                                            {0x61c, 0x61c},
                                                                            {0x180e, 0x180e},
                                                                            {0x200b, 0x200f},
                                                                            {0x2028, 0x202e},
                                                                            {0x2060, 0x206f},
                                                                            {0xfdd0, 0xfdef},
                                                                            {0xfeff, 0xfeff},
                                                                            {0xfff9, 0xfffb},
                                                                            {0xe0000, 0xe0fff},
                                                                            {0x1d173, 0x1d17a}}};
  if ((code & 0xfffe) == 0xfffe) return false;  // noncharacters: the last two of each plane
  return std::ranges::none_of(hidden,
                              [=](const auto& range) { return range.first <= code && code <= range.second; });
}

std::string hexadecimal(char prefix, std::uint32_t value, int digits) {
  std::string text{'\\', prefix};
  for (int k = digits; k-- > 0;) text += "0123456789abcdef"[value >> (4 * k) & 0xf];
  return text;
}

std::string escape(std::uint32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\r') return "\\r";
  if (code == '\t') return "\\t";
  if (code < 0x80) return hexadecimal('x', code, 2);
  return code <= 0xffff ? hexadecimal('u', code, 4) : hexadecimal('U', code, 8);
}

/// Text with characters that are not printable escaped, cut to `most` bytes. `kept`: characters that are not
/// escaped although they are not printable.
std::string escaped(std::string_view text, std::size_t most, std::string_view kept) {
  const std::string mark = "... (" + std::to_string(text.size()) + " bytes)";
  std::string result;
  std::size_t beside_mark = 0;  // length of the text that fits before the mark
  while (!text.empty()) {
    const Character character = first_character(text);
    const std::size_t bytes = std::max<std::size_t>(character.bytes, 1);
    if (character.bytes == 0) {
      result += hexadecimal('x', static_cast<unsigned char>(text.front()), 2);
    } else if (is_printable(character.code) || kept.find(text.front()) != std::string_view::npos) {
      result += text.substr(0, bytes);
    } else {
      result += escape(character.code);
    }
    if (result.size() > most) {
      result.resize(beside_mark);
      return result + mark;
    }
    if (result.size() + mark.size() <= most) beside_mark = result.size();
    text.remove_prefix(bytes);
  }
  return result;
}

}  // namespace

std::string untrusted_line(std::string_view text, std::size_t most) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return escaped(text, most, "");
}

std::string in_quotes(std::string_view text, std::size_t most) {
  return "'" + escaped(text, most, "") + "'";
}

std::string untrusted_lines(std::string_view text) {
  return escaped(text, no_limit, "\n\t");
}

}  // namespace bncheck
