#pragma once
/// A BatchNorm in another process: a program of any language, or a plugin in a `bncheck serve`.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/subject.hpp"
#include "subjects/foreign/limits.hpp"

namespace bncheck {

/// `exec:COMMAND`, given to a shell. Throws SubjectUnavailable.
std::unique_ptr<Subject> make_exec(std::string_view command, const ForeignLimits& limits);
/// `plugin:PATH.so`, in a child that is this program's `bncheck serve`. Throws SubjectUnavailable.
std::unique_ptr<Subject> make_plugin(std::string_view path, const ForeignLimits& limits);

/// The bncheck program that hosts plugins: BNCHECK_PROGRAM in the environment, or this process's own.
std::string host_program();

}  // namespace bncheck
