#pragma once
/// Foreign text in HTML and XML.

#include <string>
#include <string_view>

namespace bncheck {

/// The text as content of an element or of a quoted attribute: & < > " ' become character references. What
/// neither XML 1.0 nor HTML can hold, and what would not be seen, is escaped as bncheck/untrusted_text.hpp
/// says; newlines and tabs stay.
std::string markup(std::string_view text);

}  // namespace bncheck
