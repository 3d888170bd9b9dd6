#pragma once
/// A program that answers frames, in a process of its own: whatever it does, this one goes on.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/subject.hpp"
#include "subjects/foreign/descriptor.hpp"
#include "subjects/foreign/frames.hpp"
#include "subjects/foreign/limits.hpp"

namespace bncheck {

class ChildProcess {
 public:
  /// Spawned, not forked: a child of a process that has used a GPU could not. The program finds frames for it
  /// on descriptor 3 and writes its own to 4; where it answers the first frame on its stdout instead (at the
  /// far end of ssh there is no 3), all go through stdin and stdout. Throws SubjectUnavailable.
  ChildProcess(const std::vector<std::string>& command, const ForeignLimits& limits);
  /// Closes the requests, waits a moment, and kills the whole process group.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  using Answer = std::variant<std::vector<std::byte>, Death>;
  /// Sends one frame and waits for one. After a Death the process is gone.
  Answer exchange(const OutgoingFrame& frame, std::chrono::milliseconds limit, std::size_t max_reply_bytes);
  bool is_gone() const { return pid_ < 0; }

 private:
  class Exchange;

  void spawn(const std::vector<std::string>& command);
  /// What ended it, where it has ended; `why` otherwise, after which it is killed.
  Death end(Death::Cause why, const std::string& detail);
  void kill_group();
  bool has_ended() const;
  std::string last_words() const;

  ForeignLimits limits_;
  pid_t pid_ = -1;
  Descriptor requests_, replies_;  ///< the ends of 3 and 4, or later those of stdin and stdout
  Descriptor stdin_, stdout_, stderr_;
  bool settled_ = false;  ///< which of both pairs carries the frames is known
  std::string words_;     ///< the end of what it printed
};

}  // namespace bncheck
