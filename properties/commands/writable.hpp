#pragma once
/// Checks, without leaving a trace, that a place can be written. They are made before a long run, so that its
/// results are not lost.

#include <string>

namespace bncheck {

/// Checks that the file can be written or made. "" and "-" always can. Throws UsageError.
void require_writable_file(const std::string& option, const std::string& name);
/// Checks that the folder can be written or made. Throws UsageError.
void require_writable_folder(const std::string& option, const std::string& name);

}  // namespace bncheck
