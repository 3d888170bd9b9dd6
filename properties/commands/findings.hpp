#pragma once
/// Cases that violated a law, as commands save them.

#include <string>

#include "search/check_law.hpp"

namespace bncheck {

/// Saves the counterexample with the law, the subject (as the command line named it) and the seed in its
/// notes, and returns the file. Throws std::runtime_error whose message starts with the file's name.
/// Precondition: there is a counterexample.
std::string save_finding(const std::string& folder, const std::string& subject_name, const LawResult& result,
                         const Subject& subject, std::uint64_t seed);

}  // namespace bncheck
