#include "bncheck/number_text.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <sstream>

#include "bncheck/ascii.hpp"
#include "bncheck/case_file.hpp"
#include "bncheck/dialect.hpp"
#include "bncheck/numerics.hpp"
#include "comma_locale.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

/// Text of C's printf, which these tests call only in the C locale.
std::string printed(const char* format, int precision, double value) {
  std::array<char, 512> text{};
  std::snprintf(text.data(), text.size(), format, precision, value);
  return text.data();
}
std::string printed(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%a", value);
  return text.data();
}

/// Numbers of every exponent, subnormal numbers with every highest bit, of both signs.
std::vector<double> numbers() {
  std::vector<double> all{0, -0.0};
  Random random(7);
  constexpr int fraction_bits = 52;
  for (std::uint64_t exponent = 0; exponent < 0x7ff; ++exponent) {
    for (int few = 0; few <= fraction_bits; few += 4) {
      const std::uint64_t fraction = (random.next() >> 12) >> few;
      for (const std::uint64_t bits : {fraction, fraction << few, std::uint64_t{0}}) {
        all.push_back(std::bit_cast<double>(exponent << fraction_bits | bits));
        all.push_back(-all.back());
      }
    }
  }
  for (int bit = 0; bit < fraction_bits; ++bit) all.push_back(std::bit_cast<double>(std::uint64_t{1} << bit));
  all.push_back(std::bit_cast<double>((std::uint64_t{1} << fraction_bits) - 1));
  all.push_back(std::numeric_limits<double>::max());
  return all;
}

TEST(NumberText, HexadecimalIsWhatPrintfWrites) {
  for (const double value : numbers()) ASSERT_EQ(hexfloat(value), printed(value));
}

TEST(NumberText, DecimalsAreWhatPrintfWrites) {
  for (const double value :
       {0.0, -0.0, 1.0, 0.1, 1e-5, -1234567.0, 0.3, 2.5, 1e23, 5e-324, 1.7976931348623157e308}) {
    for (const int precision : {0, 1, 2, 6, 9, 17}) {
      EXPECT_EQ(general_decimal(value, precision), printed("%.*g", precision, value));
      EXPECT_EQ(fixed_decimal(value, precision), printed("%.*f", precision, value));
      EXPECT_EQ(scientific_decimal(value, precision), printed("%.*e", precision, value));
    }
    EXPECT_EQ(parse_double(shortest_decimal(value)), value);
  }
}

TEST(Ascii, WordsAreWhatBlanksSeparate) {
  Words words(" \t one\ntwo \r\v\f three ");
  EXPECT_EQ(words.next(), "one");
  std::string word;
  EXPECT_TRUE(words.next(word));
  EXPECT_EQ(word, "two");
  EXPECT_EQ(words.next(), "three");
  EXPECT_FALSE(words.next(word));
  EXPECT_EQ(words.next(), "");
}

// ---- under a decimal comma

class Locale : public testing::Test {
 protected:
  CommaLocale comma_;
};

/// A case file with each kind of word, long numbers among them.
CaseFile rich_file() {
  CaseFile file{{}, {{"seed", "1234567"}}};
  Case& c = file.content;
  c.config.num_features = 1024;
  c.config.eps = 1e-5;
  c.config.momentum = 0.3;
  c.state = fresh_state(c.config);
  c.state.num_batches_tracked = 1234567;
  c.calls.push_back({Forward{true, Tensor::filled({2, 1024}, 0.5F)}, {}});
  c.calls.back().exec.x.order = {1, 0};
  c.calls.back().exec.x.gaps = {0, 1000};
  c.calls.back().exec.x.offset = 1111;
  c.calls.back().exec.rounding = Rounding::down;
  c.calls.push_back({Backward{Tensor::filled({2, 1024}, 1.5F), true, true, true, {}}, {}});
  c.calls.push_back({SetMomentum{0.7}, {}});
  c.calls.push_back({Load{c.state}, {}});
  return file;
}

TEST_F(Locale, TheTestsLocaleIsHostile) {
  std::ostringstream text;
  text << 1234 << ' ' << 0.5;
  EXPECT_EQ(text.str(), "1.234 0,5");
}

TEST_F(Locale, NumbersAreWrittenAndReadAsEver) {
  EXPECT_EQ(hexfloat(1.3), "0x1.4cccccccccccdp+0");
  EXPECT_EQ(shortest_decimal(1234.5), "1234.5");
  EXPECT_EQ(general_decimal(0.1, 6), "0.1");
  EXPECT_EQ(fixed_decimal(1234.5, 2), "1234.50");
  EXPECT_EQ(scientific_decimal(1234.5, 2), "1.23e+03");
  EXPECT_EQ(parse_double("0x1.8p+1"), 3);
  EXPECT_EQ(parse_double("1234.5"), 1234.5);
  EXPECT_EQ(parse_double("0,5"), std::nullopt);
}

TEST_F(Locale, CaseFilesStayWhatTheyAre) {
  const CaseFile file = rich_file();
  const Archive archive = to_archive(file);
  EXPECT_EQ(archive.metadata.at("eps"), "0x1.4f8b588e368f1p-17");
  EXPECT_EQ(archive.metadata.at("num_batches_tracked"), "1234567");
  EXPECT_EQ(archive.metadata.at("call.0.x.gaps"), "0 1000");
  EXPECT_EQ(case_from_bytes(write_archive(archive)), file);
}

TEST_F(Locale, DialectsAndNumericsStayWhatTheyAre) {
  for (const char* text : {"pytorch,eps_floor=0.25", "darknet,backward_eps=1.5e-05", "keras"})
    EXPECT_EQ(text_of(dialect_from_text(text)), text);
  for (const char* text : {"sound", "exact,summation=wide,range=wide"}) {
    const Numerics numerics = numerics_from_text(text);
    EXPECT_EQ(numerics_from_text(text_of(numerics)), numerics);
  }
}

}  // namespace
}  // namespace bncheck::test
