#pragma once
/// One input of a fuzz target, from its bytes to a verdict.

#include <span>

#include "family.hpp"

namespace bncheck::fuzz {

/// Runs the law that the input asks for and, where that says nothing about its case, the one that does. Does
/// not return where a law is violated.
void judge_input(const Family& family, std::span<const std::uint8_t> bytes);

/// What a target defines beside its entry point: the family that its mutator stays in.
const Family& target_family();

}  // namespace bncheck::fuzz
