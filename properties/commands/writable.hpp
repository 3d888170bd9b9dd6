#pragma once
/// Whether a place can be written, as far as this shows without leaving a trace: asked before a long run, so
/// that its results have somewhere to go.

#include <string>

namespace bncheck {

/// The file can be written, or made. "" and "-" always can. Throws UsageError.
void require_writable_file(const std::string& option, const std::string& name);
/// The folder can be written, or made. Throws UsageError.
void require_writable_folder(const std::string& option, const std::string& name);

}  // namespace bncheck
