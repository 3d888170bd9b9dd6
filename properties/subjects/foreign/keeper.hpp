#pragma once
/// Keeper: a small process between this process and a foreign command. All processes that the command starts
/// descend from the keeper, even those that leave its group or session. The keeper kills them when the
/// command ends, when it is ordered to, and when this process ends for whatever reason.

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "subjects/foreign/descriptor.hpp"

namespace bncheck {

class Keeper {
 public:
  /// Descriptors that become the command's 0, 1, 2, ...
  using Descriptors = std::array<int, 5>;

  /// Keeper of a command that can be started repeatedly. The command gets the environment and working
  /// directory that this process has when the keeper process is made, which is at the first start.
  explicit Keeper(std::vector<std::string> command);
  /// Ends the keeper process and all that descends from it.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// Starts the command, which leads a process group of its own. A command that still runs is killed first.
  /// Throws SubjectUnavailable.
  void start(const Descriptors& descriptors);
  bool runs() const { return runs_; }
  /// Descriptor that is readable once the command has ended.
  int descriptor() const { return orders_.get(); }
  /// Status, as waitpid gives it, of a command that ends within that time, after which none of its processes
  /// is left; nullopt otherwise.
  std::optional<int> wait(std::chrono::milliseconds limit);
  /// Kills the command and all that descends from it.
  void kill();
  /// Resident bytes of the command and of all that descends from it.
  std::uint64_t memory() const;

 private:
  void hire();
  void dismiss();

  std::vector<std::string> command_;
  pid_t pid_ = -1;     ///< process id of the keeper
  Descriptor orders_;  ///< socket to the keeper, for orders and for its reports
  bool runs_ = false;
};

}  // namespace bncheck
