#pragma once
/// What every law about rejection does: the last call fails by kind, without a trace, and its nearest valid
/// twin is accepted.

#include "laws/law_support.hpp"

namespace bncheck {

/// A call that must fail, with `kind` among other kinds perhaps: it fails with one that the contract names,
/// has a message, and changes no bit of state and outputs. Equality throughout; nothing is numeric here.
Verdict judge_refusal(const Run& run, std::size_t call, ErrorKind kind);

/// The same case but for the one thing that was wrong; nullopt where there is none.
using Twin = std::optional<Case> (*)(const Case&);

Law rejection(std::string name, std::string statement, ErrorKind kind,
              Case (*draw)(Draws&, const Capabilities&), Twin twin, std::vector<Need> needs = {});

/// x cut or repeated to another shape: the values go round.
Tensor reshaped(const Tensor& x, Shape shape);

}  // namespace bncheck
