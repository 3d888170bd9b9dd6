#pragma once
/// JSON from untrusted files.

#include <string>
#include <string_view>

namespace bncheck {

/// Checks the text. Throws FormatError if it is no JSON object, is nested more than `deepest` deep (deeper
/// nesting could exhaust the stack of a recursive reader), or has an object that gives a name twice (readers
/// would not agree on its value). `what` names the text in messages: "the header".
void require_plain_json(std::string_view text, int deepest, const std::string& what);

}  // namespace bncheck
