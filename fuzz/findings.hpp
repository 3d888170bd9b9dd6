#pragma once
/// Findings: the smallest case found, saved as a case file, with the line that replays it.

#include "core/verdict.hpp"
#include "decode.hpp"

namespace bncheck::fuzz {

/// Shrinks the input for a few seconds, saves it in $BNCHECK_FINDINGS (default ./bncheck-failures), prints on
/// stderr what was violated and how to replay it, and aborts.
[[noreturn]] void report_and_abort(Input input, Verdict verdict);

/// Reports on stderr that these bytes broke something other than a law, and aborts.
[[noreturn]] void abort_with(const std::string& message);

/// Verdict of the input's law on its case and subject.
Verdict judge(const Input& input);

/// Writes the input to the file $BNCHECK_FUZZ_CASE, if that is set, before it runs, so that an input that
/// kills the process leaves a case file too.
void leave_trace(const Input& input);

}  // namespace bncheck::fuzz
