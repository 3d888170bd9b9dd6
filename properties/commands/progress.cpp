#include "commands/progress.hpp"

#include <fmt/format.h>

#include "bncheck/untrusted_text.hpp"
#include "commands/common.hpp"
#include "commands/output.hpp"

namespace bncheck {

Progress::Progress(std::size_t steps) : steps_(steps), on_(shows_progress()) {}

void Progress::start(const std::string& step) {
  ++index_;
  step_ = untrusted_line(step);
  show(0);
}

void Progress::show(std::int64_t cases) const {
  if (on_) show_progress(fmt::format("[{}/{}] {} {}", index_, steps_, step_, cases));
}

void Progress::clear() const {
  if (on_) show_progress("");
}

}  // namespace bncheck
