#pragma once
/// JSON of untrusted files.

#include <string>
#include <string_view>

namespace bncheck {

/// Throws FormatError where the text is no JSON object, is nested more than `deepest` deep (which would
/// exhaust the stack when it is taken apart), or has an object that gives a name twice (readers would not
/// agree on its value). `what` is the text's name in the message: "the header".
void require_plain_json(std::string_view text, int deepest, const std::string& what);

}  // namespace bncheck
