#pragma once
/// A finding: the smallest case that the search for it comes by, saved as a case file, and how to replay it.

#include "core/verdict.hpp"
#include "decode.hpp"

namespace bncheck::fuzz {

/// Shrinks the input for a few seconds, saves it under $BNCHECK_FINDINGS (default ./bncheck-failures), says
/// on stderr what was violated and how to replay it, and aborts.
[[noreturn]] void report_and_abort(Input input, Verdict verdict);

/// Something other than a law was broken by these bytes: says so on stderr and aborts.
[[noreturn]] void abort_with(const std::string& message);

/// What the input's law says of its case on its subject.
Verdict judge(const Input& input);

/// Where $BNCHECK_FUZZ_CASE names a file, the input is written to it before it runs: an input that kills the
/// process leaves a case file, too.
void leave_trace(const Input& input);

}  // namespace bncheck::fuzz
