#pragma once
/// A program that answers frames, in a process of its own: whatever it does, this one goes on.

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
  /// The keeper's command, started; the keeper outlives it and has no other. The program finds frames for it
  /// on descriptor 3 and writes its own to 4; where it answers the first frame on its stdout instead (at the
  /// far end of ssh there is no 3), all go through stdin and stdout. Throws SubjectUnavailable.
  ChildProcess(Keeper& keeper, const ForeignLimits& limits);
  /// Ends it, in order where it takes the chance at once.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  using Answer = std::variant<std::vector<std::byte>, Death>;
  /// Sends one frame and waits for one. After a Death the process is gone, and with Interrupted, which it
  /// throws.
  Answer exchange(const OutgoingFrame& frame, std::chrono::milliseconds limit, std::size_t max_reply_bytes);
  bool is_gone() const { return gone_; }
  /// The status that it left with of its own; nullopt where it did not.
  std::optional<int> exit_code() const;

  /// Closes the requests and waits for the process to leave with status 0. What it does instead is a Death.
  std::optional<Death> finish(std::chrono::milliseconds limit);

 private:
  class Exchange;

  /// What ended it, where it has ended, and `detail` if that is about the end; `why` and `detail` otherwise,
  /// after which it is killed.
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
  std::optional<int> status_;      ///< once it has ended, as waitpid has it
  Descriptor requests_, replies_;  ///< the ends of 3 and 4, or later those of stdin and stdout
  Descriptor stdin_, stdout_, stderr_;
  bool pair_known_ = false;  ///< which of both pairs carries the frames is known
  std::string words_;        ///< the end of what it printed
  std::vector<std::byte> block_;
};

}  // namespace bncheck
