#pragma once
/// A small case in one line, for lists of many.

#include <string>

#include "bncheck/case.hpp"
#include "core/verdict.hpp"

namespace bncheck {

/// "BatchNorm1d(1), momentum 0.5; forward training x [2, 1] = 0 1": options and state where they differ from
/// a fresh layer's with the default options, floats with the fewest digits that identify them. Long tensors
/// are cut.
std::string show_case_line(const Case& c);
/// "call 0 y[1]: got 2, expected 1"
std::string show_mismatch_line(const Mismatch& mismatch);
/// The worst mismatch, or the message if there is none.
std::string show_verdict_line(const Verdict& verdict);

}  // namespace bncheck
