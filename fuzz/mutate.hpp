#pragma once
/// The mutator: the case of an input, edited and written back as a case file.

#include "decode.hpp"

namespace bncheck::fuzz {

/// Another input of the family, up to a few edits away; now and then a wholly new one. It stays affordable
/// and, as far as a few attempts get there, on the family's side of the contract: calls that must succeed, or
/// one that must fail.
Input mutate(Draws& draws, const Family& family, const Input& input);

}  // namespace bncheck::fuzz
