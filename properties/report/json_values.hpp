#pragma once
/// Values of the JSON reports.

#include <nlohmann/json.hpp>
#include <string>

namespace bncheck {

/// Numbers that are not finite are the strings "inf", "-inf" and "nan".
nlohmann::ordered_json json_number(double value);
nlohmann::ordered_json json_text_or_null(const std::string& text);
/// Indented, with a newline at the end, all ASCII and without control characters, for a terminal may show it;
/// text that is no UTF-8 gets replacement characters.
std::string json_text(const nlohmann::ordered_json& json);

}  // namespace bncheck
