#pragma once
/// A shared library with the C interface of plugin/bncheck_plugin.h, loaded into this process. Its faults may
/// end the process, so only `bncheck serve` does this.

#include <memory>
#include <string>

#include "core/subject.hpp"

namespace bncheck {

/// Loads the plugin. Throws std::runtime_error, which names the file, if it cannot be loaded or created, has
/// no table of this version, or declares invalid capabilities.
std::unique_ptr<Subject> load_plugin(const std::string& path);

}  // namespace bncheck
