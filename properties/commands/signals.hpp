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

/// The reader of stdout has gone: as by SIGPIPE, unless that was ignored from the start.
void end_by_broken_pipe();

}  // namespace bncheck
