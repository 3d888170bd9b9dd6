#include "bncheck/number_text.hpp"

#include <locale.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "bncheck/ascii.hpp"

namespace bncheck {
namespace {

// Bits of a double: sign, exponent, and a fraction of 13 hexadecimal digits.
constexpr int fraction_bits = 52;
constexpr int digit_bits = 4;
constexpr int exponent_bias = 1023;

/// ".8" for 1.5; empty where all digits are 0.
std::string fraction_text(std::uint64_t fraction) {
  std::string text;
  for (int shift = fraction_bits - digit_bits; fraction != 0; shift -= digit_bits) {
    text += "0123456789abcdef"[fraction >> shift];
    fraction &= (std::uint64_t{1} << shift) - 1;
  }
  return text.empty() ? text : "." + text;
}

template <class... Format>
std::string chars_of(double value, Format... format) {
  // A fixed decimal of a double has up to 309 digits before its point.
  std::array<char, 512> text{};
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value, format...);
  return {text.data(), result.ptr};
}

/// Locale in which strtod reads the numbers of the C locale.
locale_t plain_locale() {
  static const locale_t plain = ::newlocale(LC_ALL_MASK, "C", locale_t{});
  return plain;
}

}  // namespace

// std::to_chars is not used here, because it writes subnormal numbers in another form.
std::string hexfloat(double value) {
  if (std::isnan(value)) return "nan";
  const std::string sign = std::signbit(value) ? "-" : "";
  if (std::isinf(value)) return sign + "inf";
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << fraction_bits) - 1);
  const int biased = static_cast<int>((bits >> fraction_bits) & 0x7ff);
  const bool normal = biased != 0;
  const int exponent = value == 0 ? 0 : (normal ? biased : 1) - exponent_bias;
  return sign + (normal ? "0x1" : "0x0") + fraction_text(fraction) + (exponent < 0 ? "p-" : "p+") +
         std::to_string(std::abs(exponent));
}

std::string shortest_decimal(double value) {
  return chars_of(value);
}
std::string general_decimal(double value, int precision) {
  return chars_of(value, std::chars_format::general, precision);
}
std::string fixed_decimal(double value, int precision) {
  return chars_of(value, std::chars_format::fixed, precision);
}
std::string scientific_decimal(double value, int precision) {
  return chars_of(value, std::chars_format::scientific, precision);
}

std::optional<double> parse_double(const std::string& text) {
  if (text.empty() || is_blank(text.front())) return std::nullopt;
  char* end = nullptr;
  const double value = ::strtod_l(text.c_str(), &end, plain_locale());
  if (end != text.c_str() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_integer(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace bncheck
