#pragma once
/// Laws about rejection: the last call must fail with a given kind of error and change nothing, and its
/// nearest valid twin must be accepted.

#include "laws/law_support.hpp"

namespace bncheck {

/// Checks that a call fails with an allowed kind of error, one of which is `kind`, has a message, and changes
/// no bit of state and outputs. Nothing here is numeric, so there is no bound.
Verdict judge_refusal(const Run& run, std::size_t call, ErrorKind kind);

/// The case without its error; nullopt if there is no such case.
using Twin = std::optional<Case> (*)(const Case&);

Law rejection(std::string name, std::string statement, ErrorKind kind,
              Case (*draw)(Draws&, const Capabilities&), Twin twin, std::vector<Need> needs = {});

/// x in another shape: its values are cut off or repeated from the first one on.
Tensor reshaped(const Tensor& x, Shape shape);

}  // namespace bncheck
