#pragma once
/// Treatment of signals and of closed descriptors by the whole program.

#include <atomic>

namespace bncheck {

/// Opens descriptors 0 to 2 if they are closed, so that no other file gets their number and with it the
/// output; printing to a closed stdout is still an error. A signal that ends the program removes its
/// temporary files first. A broken pipe or a file that grows too large is an error of the write, not a
/// signal. Must be called before anything is opened.
void prepare_process();

/// Restores the signals that a program starts with, except those that were ignored then, for a subject that
/// runs in this process.
void restore_signals();

/// Flag that SIGINT, SIGTERM and SIGHUP set from now on instead of ending the program; a second one ends it
/// at once. A signal that was ignored from the start stays ignored, as with nohup. SIGINT is handled anyway,
/// because shells ignore it in background commands.
const std::atomic<bool>& interruption();

/// Ends the program as by SIGPIPE, because the reader of stdout has gone; does nothing if SIGPIPE was ignored
/// from the start.
void end_by_broken_pipe();

}  // namespace bncheck
