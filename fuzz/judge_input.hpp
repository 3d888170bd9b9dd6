#pragma once
/// One input of a fuzz target: from bytes to a verdict.

#include <span>

#include "core/verdict.hpp"
#include "decode.hpp"

namespace bncheck::fuzz {

/// Verdict of the input's law on its case. If that law does not apply, the input gets a law of the family
/// that does, and the verdict is that of this law.
Verdict judge_by_family(const Family& family, Input& input);

/// Judges the input in these bytes. Does not return if a law is violated.
void judge_input(const Family& family, std::span<const std::uint8_t> bytes);

/// Family of the target, which its mutator keeps to. Each target defines it beside its entry point.
const Family& target_family();

}  // namespace bncheck::fuzz
