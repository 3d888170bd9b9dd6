#pragma once
/// State that a process inherits from its parent, besides its arguments.

namespace bncheck {

/// Resets inherited state. A parent may have made stdin, stdout or stderr non-blocking, or have blocked
/// signals, mostly by accident; neither is meant for this program.
void mend_inherited_state();

}  // namespace bncheck
