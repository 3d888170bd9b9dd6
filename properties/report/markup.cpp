#include "report/markup.hpp"

#include <cstdint>

namespace bncheck {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

struct Decoded {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  ///< 0: no UTF-8 here
};

/// The code point at the start of the text, by RFC 3629: shortest form only, no surrogates.
Decoded decode(std::string_view text) {
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
  return code < smallest[length] || code > 0x10ffff || surrogate ? Decoded{} : Decoded{code, length};
}

/// XML 1.0's Char, which HTML can hold too.
bool is_character(std::uint32_t code) {
  if (code < 0x20) return code == '\t' || code == '\n' || code == '\r';
  return code != 0x7f && code != 0xfffe && code != 0xffff;
}

}  // namespace

std::string markup(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const Decoded decoded = decode(text);
    const std::size_t bytes = decoded.bytes == 0 ? 1 : decoded.bytes;
    if (decoded.bytes == 0 || !is_character(decoded.code)) {
      safe += replacement;
    } else if (decoded.code == '&') {
      safe += "&amp;";
    } else if (decoded.code == '<') {
      safe += "&lt;";
    } else if (decoded.code == '>') {
      safe += "&gt;";
    } else if (decoded.code == '"') {
      safe += "&quot;";
    } else if (decoded.code == '\'') {
      safe += "&#39;";
    } else {
      safe += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return safe;
}

}  // namespace bncheck
