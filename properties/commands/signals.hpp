#pragma once
/// How signals and closed descriptors are met by the whole program.

#include <atomic>

namespace bncheck {

/// Opens descriptors 0 to 2 where they are closed, so that no file of ours takes such a number and gets what
/// is printed; what is printed to a closed stdout is an error all the same. A signal that ends the program
/// first removes its temporary files; a broken pipe or a file that grows too large is an error where it is
/// written, not a signal. To be called before anything is opened.
void prepare_process();

/// Back to what a program starts with, but for signals that were ignored then: for a subject that is to live
/// here.
void restore_signals();

/// From here on SIGINT, SIGTERM and SIGHUP set this instead of ending the program; a second one ends it at
/// once. One that was ignored from the start stays ignored, as nohup has it, but for SIGINT, which shells
/// ignore in whatever they run in the background.
const std::atomic<bool>& interruption();

/// While it lives, SIGINT, SIGTERM and SIGHUP interrupt a call that blocks, such as a write to a pipe that
/// nobody reads.
class InterruptibleCalls {
 public:
  InterruptibleCalls();
  ~InterruptibleCalls();
  InterruptibleCalls(const InterruptibleCalls&) = delete;
  InterruptibleCalls& operator=(const InterruptibleCalls&) = delete;
  /// For what may be given up. Absent after a first request, which asked for what is written now: the next
  /// one ends the program.
  const std::atomic<bool>* given_up() const { return given_up_; }

 private:
  const std::atomic<bool>* given_up_ = nullptr;
};

/// The reader of stdout has gone: as by SIGPIPE, unless that was ignored from the start.
void end_by_broken_pipe();

}  // namespace bncheck
