#pragma once
/// One input of a fuzz target, from its bytes to a verdict.

#include <span>

#include "core/verdict.hpp"
#include "decode.hpp"

namespace bncheck::fuzz {

/// What the input's law says of its case and, where that is nothing, what the law of the family says that
/// does; the input's law is then that one.
Verdict judge_by_family(const Family& family, Input& input);

/// Judges the input in these bytes. Does not return where a law is violated.
void judge_input(const Family& family, std::span<const std::uint8_t> bytes);

/// What a target defines beside its entry point: the family that its mutator stays in.
const Family& target_family();

}  // namespace bncheck::fuzz
