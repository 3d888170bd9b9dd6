#pragma once
/// Untrusted text in HTML and XML.

#include <string>
#include <string_view>

namespace bncheck {

/// The text as content of an element or of a quoted attribute: & < > " ' become character references.
/// Characters that neither XML 1.0 nor HTML can hold, and invisible ones, are escaped as in
/// bncheck/untrusted_text.hpp; newlines and tabs stay.
std::string markup(std::string_view text);

}  // namespace bncheck
