#pragma once
/// Values of the JSON reports.

#include <nlohmann/json.hpp>
#include <string>

namespace bncheck {

/// Numbers that are not finite are the strings "inf", "-inf" and "nan".
nlohmann::ordered_json json_number(double value);
nlohmann::ordered_json json_text_or_null(const std::string& text);
/// JSON text, indented, with a newline at its end. It is ASCII without control characters, so that a terminal
/// may show it; text that is no UTF-8 gets replacement characters.
std::string json_text(const nlohmann::ordered_json& json);

}  // namespace bncheck
