#pragma once
/// A shared library with the C interface of plugin/bncheck_plugin.h, loaded into this process: what it does
/// wrong may end the process, which is why `bncheck serve` does this and nobody else.

#include <memory>
#include <string>

#include "core/subject.hpp"

namespace bncheck {

/// Throws std::runtime_error that names the file: not to be loaded, no table, another version, capabilities
/// that say nothing known.
std::unique_ptr<Subject> load_plugin(const std::string& path);

}  // namespace bncheck
