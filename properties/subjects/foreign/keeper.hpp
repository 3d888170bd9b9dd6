#pragma once
/// A keeper: a small process of our own between us and a foreign command. All that the command starts, and
/// what leaves its group or session too, descends from the keeper, which kills it when the command ends, when
/// it is bidden, and when we are gone, in whatever way that came about.

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
  /// What the command finds as its descriptors 0, 1, 2, ...
  using Descriptors = std::array<int, 5>;

  /// Of a command that can be started again and again, in the environment and the folder of now.
  explicit Keeper(std::vector<std::string> command);
  /// Nothing of the command is left afterwards.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// Starts the command, which leads a process group of its own; what ran before is killed. Throws
  /// SubjectUnavailable.
  void start(const Descriptors& descriptors);
  bool runs() const { return runs_; }
  /// Is readable when the command has ended.
  int descriptor() const { return orders_.get(); }
  /// The status, as waitpid has it, of a command that ends within that time; nothing of it is left then.
  std::optional<int> wait(std::chrono::milliseconds limit);
  /// Kills the command and all that descends from it.
  void kill();
  /// Resident bytes of the command and of all that descends from it.
  std::uint64_t memory() const;

 private:
  void hire();
  void dismiss();

  std::vector<std::string> command_;
  pid_t pid_ = -1;     ///< the keeper's
  Descriptor orders_;  ///< to the keeper, and its reports back
  bool runs_ = false;
};

}  // namespace bncheck
