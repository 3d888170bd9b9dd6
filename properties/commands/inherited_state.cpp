#include "commands/inherited_state.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <initializer_list>

namespace bncheck {
namespace {

/// Makes a descriptor block. Streams fail on a non-blocking descriptor that is full for a moment, and lose
/// their content.
void let_block(int number) {
  const int flags = ::fcntl(number, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) != 0) ::fcntl(number, F_SETFL, flags & ~O_NONBLOCK);
}

}  // namespace

void mend_inherited_state() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) let_block(number);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace bncheck
