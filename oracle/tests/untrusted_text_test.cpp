/// Untrusted text: it moves no cursor, imitates no line and fills no screen.

#include "bncheck/untrusted_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace bncheck {
namespace {

TEST(UntrustedText, PrintableTextStays) {
  for (const char* text : {"", "plain", "a 'b' \"c\" \\ $d", "µ = 1, σ² > 0, 正規化 😀", "  blanks  "}) {
    EXPECT_EQ(untrusted_line(text), text);
    EXPECT_EQ(untrusted_lines(text), text);
    EXPECT_EQ(in_quotes(text), "'" + std::string(text) + "'");
  }
}

TEST(UntrustedText, ControlsAreShownInsteadOfObeyed) {
  EXPECT_EQ(untrusted_line("\x1b[2J\a"), "\\x1b[2J\\x07");
  EXPECT_EQ(untrusted_line("1.0\r\nbncheck: all is well"), "1.0\\r\\nbncheck: all is well");
  EXPECT_EQ(untrusted_line(std::string_view("a\0b\tc\x7f", 6)), "a\\x00b\\tc\\x7f");
  EXPECT_EQ(untrusted_line("\u009b31m\u0085"), "\\u009b31m\\u0085");  // CSI and NEL
}

TEST(UntrustedText, WhatReordersOrHidesIsShown) {
  EXPECT_EQ(untrusted_line("a\u202eb\u2066c\u200fd\u061c"), "a\\u202eb\\u2066c\\u200fd\\u061c");
  EXPECT_EQ(untrusted_line("a\u200b\ufeff\u00adb"), "a\\u200b\\ufeff\\u00adb");
  EXPECT_EQ(untrusted_line("a\u2028b\u2029"), "a\\u2028b\\u2029");
  EXPECT_EQ(untrusted_line("\U000e0041\uffff\U0010fffe"), "\\U000e0041\\uffff\\U0010fffe");
}

TEST(UntrustedText, BytesThatAreNoUtf8) {
  EXPECT_EQ(untrusted_line("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(untrusted_line("\x9b"
                           "2J"),
            "\\x9b2J");
  EXPECT_EQ(untrusted_line("\xc0\xaf"), "\\xc0\\xaf");                    // a longer form of '/'
  EXPECT_EQ(untrusted_line("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(untrusted_line("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(untrusted_line("\xe2\x82"), "\\xe2\\x82");                    // cut
}

TEST(UntrustedText, NewlinesAtTheEndAreNoPartOfALine) {
  EXPECT_EQ(untrusted_line("out of memory\r\n\n"), "out of memory");
  EXPECT_EQ(in_quotes("true\n"), "'true\\n'");
}

TEST(UntrustedText, LinesOfOursStayLines) {
  EXPECT_EQ(untrusted_lines("  a:\n\tb\x1b[0m\r\n"), "  a:\n\tb\\x1b[0m\\r\n");
  EXPECT_EQ(untrusted_lines(std::string(10'000, 'x')).size(), 10'000U);
}

TEST(UntrustedText, LongTextIsCutAndSaysHowLongItWas) {
  EXPECT_EQ(untrusted_line(std::string(line_bytes, 'x')), std::string(line_bytes, 'x'));
  const std::string cut = untrusted_line(std::string(8 << 20, 'x'));
  EXPECT_EQ(cut, std::string(line_bytes - 19, 'x') + "... (8388608 bytes)");
  EXPECT_EQ(in_quotes(std::string(61, 'y')), "'" + std::string(46, 'y') + "... (61 bytes)'");
}

/// The cut is between two characters, and not within an escape.
TEST(UntrustedText, TheCutLeavesCharactersWhole) {
  for (std::size_t most = 40; most < 50; ++most) {
    std::string euros, escapes;
    for (int k = 0; k < 100; ++k) euros += "€", escapes += "\x1b";
    const std::string some = untrusted_line(euros, most), others = untrusted_line(escapes, most);
    EXPECT_EQ(some.find("... (300 bytes)") % 3, 0U) << some;
    EXPECT_EQ(others.find("... (100 bytes)") % 4, 0U) << others;
    EXPECT_LE(std::max(some.size(), others.size()), most);
  }
}

/// Bytes of every kind: the result is printable, bounded, valid, and unchanged by a second pass.
TEST(UntrustedText, AnyBytesGiveOnePrintableLine) {
  std::mt19937 random(1);
  const std::string pieces[] = {"\x1b[2J", "\r\n", "\u202e", "€", "😀", "\u0085", "\xf0\x9f", "x", "\\x1b"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (auto count = random() % 40; count > 0; --count) {
      text += random() % 2 == 0 ? pieces[random() % std::size(pieces)]
                                : std::string(1, static_cast<char>(random() % 256));
    }
    const std::size_t most = 40 + random() % 60;
    const std::string line = untrusted_line(text, most);
    EXPECT_LE(line.size(), most);
    EXPECT_TRUE(
        std::ranges::all_of(line, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; }));
    EXPECT_EQ(untrusted_line(line, most), line);
    EXPECT_EQ(untrusted_lines(line), line);
  }
}

}  // namespace
}  // namespace bncheck
