#pragma once
/// One line on stderr that says how far a run has come; nothing where stderr is no terminal.

#include <cstddef>
#include <string>

namespace bncheck {

class Progress {
 public:
  explicit Progress(std::size_t steps);
  /// The next step begins.
  void start(const std::string& step);
  /// Cases that the step has run.
  void show(std::int64_t cases) const;
  void clear() const;

 private:
  std::size_t steps_, index_ = 0;
  bool on_;
  std::string step_;
};

}  // namespace bncheck
