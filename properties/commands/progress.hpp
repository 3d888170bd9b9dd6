#pragma once
/// Progress of a run in one line on stderr; nothing if stderr is no terminal.

#include <cstddef>
#include <string>

namespace bncheck {

class Progress {
 public:
  explicit Progress(std::size_t steps);
  /// Begins the next step.
  void start(const std::string& step);
  /// Shows the number of cases that the step has run.
  void show(std::int64_t cases) const;
  void clear() const;

 private:
  std::size_t steps_, index_ = 0;
  bool on_;
  std::string step_;
};

}  // namespace bncheck
