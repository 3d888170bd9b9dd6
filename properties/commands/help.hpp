#pragma once
/// What --help says beside each option's own text.

#include <CLI/CLI.hpp>

namespace bncheck {

/// Names of values (N, TIME, FILE), headings, and an example per command. To be called when all commands are
/// there.
void style_help(CLI::App& app);

}  // namespace bncheck
