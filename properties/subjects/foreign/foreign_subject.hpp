#pragma once
/// A BatchNorm in another process: a program in any language, or a plugin in a `bncheck serve`.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/subject.hpp"
#include "subjects/foreign/limits.hpp"

namespace bncheck {

/// Subject `exec:COMMAND`; a shell runs the command. Throws SubjectUnavailable.
std::unique_ptr<Subject> make_exec(std::string_view command, const ForeignLimits& limits);
/// Subject `plugin:PATH.so`, loaded in a child process that runs this program's `bncheck serve`. Throws
/// SubjectUnavailable.
std::unique_ptr<Subject> make_plugin(std::string_view path, const ForeignLimits& limits);

/// Path of the bncheck program that hosts plugins: BNCHECK_PROGRAM in the environment, otherwise that of this
/// process.
std::string host_program();

}  // namespace bncheck
