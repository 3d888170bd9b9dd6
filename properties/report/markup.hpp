#pragma once
/// Foreign text in HTML and XML.

#include <string>
#include <string_view>

namespace bncheck {

/// The text as content of an element or of a quoted attribute: & < > " ' become character references. What
/// neither XML 1.0 nor HTML can hold (control characters but for tab and newline, bytes that are no UTF-8,
/// the code points U+FFFE and U+FFFF) becomes U+FFFD.
std::string markup(std::string_view text);

}  // namespace bncheck
