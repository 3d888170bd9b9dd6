#pragma once
/// What a process gets from the one that started it, beside its arguments.

namespace bncheck {

/// A parent may have set stdin, stdout or stderr not to block, or have blocked signals, mostly by chance:
/// none of that is meant for this program.
void mend_inherited_state();

}  // namespace bncheck
