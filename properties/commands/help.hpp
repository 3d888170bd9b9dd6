#pragma once
/// Parts of --help beside each option's own text.

#include <CLI/CLI.hpp>

namespace bncheck {

/// Adds names of values (N, TIME, FILE), headings, and an example per command. Must be called when all
/// commands have been added.
void style_help(CLI::App& app);

}  // namespace bncheck
