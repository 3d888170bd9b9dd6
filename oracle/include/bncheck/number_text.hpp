#pragma once
/// Numbers as text and back, the same in every locale. A user's program, or a plugin, may set a locale that
/// writes 0,5 and 1.000.

#include <cstdint>
#include <optional>
#include <string>

namespace bncheck {

/// Text as C's %a writes it: "0x1.8p+1"; "inf", "-inf", "nan".
std::string hexfloat(double value);
/// Shortest decimal text that reads back as the same double.
std::string shortest_decimal(double value);
/// Text as C's %g, %f and %e write it with that precision.
std::string general_decimal(double value, int precision);
std::string fixed_decimal(double value, int precision);
std::string scientific_decimal(double value, int precision);

/// Value of the whole text, hexadecimal or decimal; nullopt if it is not a number.
std::optional<double> parse_double(const std::string& text);
std::optional<std::int64_t> parse_integer(const std::string& text);

}  // namespace bncheck
