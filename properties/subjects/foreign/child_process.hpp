#pragma once
/// A program that answers frames, in a process of its own, so that its faults do not end this process.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/subject.hpp"
#include "subjects/foreign/descriptor.hpp"
#include "subjects/foreign/frames.hpp"
#include "subjects/foreign/keeper.hpp"
#include "subjects/foreign/limits.hpp"

namespace bncheck {

class ChildProcess {
 public:
  /// Starts the keeper's command. The keeper must outlive this object and have no other command. The program
  /// reads frames from descriptor 3 and writes its own to 4. If it answers the first frame on its stdout
  /// instead (at the far end of ssh there is no 3), all frames go through stdin and stdout. Throws
  /// SubjectUnavailable.
  ChildProcess(Keeper& keeper, const ForeignLimits& limits);
  /// Ends the process: in order if it exits within a short time, otherwise by killing it.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  using Answer = std::variant<std::vector<std::byte>, Death>;
  /// Sends one frame and waits for one. After a Death, and after Interrupted, which it throws, the process is
  /// gone.
  Answer exchange(const OutgoingFrame& frame, std::chrono::milliseconds limit, std::size_t max_reply_bytes);
  bool is_gone() const { return gone_; }
  /// Status of a process that exited by itself; nullopt for any other.
  std::optional<int> exit_code() const;

  /// Closes the requests and waits for the process to exit with status 0. Any other end is a Death, unless
  /// the user interrupts.
  std::optional<Death> finish(std::chrono::milliseconds limit);

 private:
  class Exchange;

  /// Kills the process and returns its Death. If it had closed its replies and ended by itself, the Death
  /// describes that end, with `at_the_end` appended. Otherwise it has the cause `why` and `detail`.
  Death end(Death::Cause why, const std::string& detail, const std::string& at_the_end = "");
  Death death_of(int status) const;
  void give_up_if_interrupted();
  void notice_end();
  std::span<const std::byte> read_from(Descriptor& descriptor);
  void keep_words(std::span<const std::byte> bytes);
  std::string last_words() const;

  Keeper& keeper_;
  ForeignLimits limits_;
  bool gone_ = false;
  std::optional<int> status_;      ///< status as waitpid gives it, once the process has ended
  Descriptor requests_, replies_;  ///< ends of 3 and 4, or of stdin and stdout once a reply came there
  Descriptor stdin_, stdout_, stderr_;
  bool pair_known_ = false;  ///< true once it is known which pair carries the frames
  std::string words_;        ///< last bytes of its output
  std::vector<std::byte> block_;
};

}  // namespace bncheck
