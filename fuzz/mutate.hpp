#pragma once
/// The mutator: edits the case of an input and writes it back as a case file.

#include "decode.hpp"

namespace bncheck::fuzz {

/// Another input of the family, up to a few edits away, or occasionally a new one. It stays affordable. As
/// far as a few attempts succeed, it stays on the family's side of the contract: calls that must succeed, or
/// one that must fail.
Input mutate(Draws& draws, const Family& family, const Input& input);

}  // namespace bncheck::fuzz
