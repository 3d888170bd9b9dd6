#include "statistics.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <fstream>

namespace bncheck::fuzz {

Statistics& Statistics::instance() {
  static Statistics statistics;
  static const bool registered = std::atexit([] { instance().write(); }) == 0;
  static_cast<void>(registered);
  return statistics;
}

void Statistics::count(std::int64_t elements, bool applicable) {
  ++executions_;
  applicable_ += applicable ? 1 : 0;
  ++cases_of_size_[elements];
}

std::int64_t Statistics::median() const {
  std::int64_t seen = 0;
  for (const auto& [elements, cases] : cases_of_size_) {
    seen += cases;
    if (2 * seen >= executions_) return elements;
  }
  return 0;
}

void Statistics::write() const {
  const char* name = std::getenv("BNCHECK_FUZZ_STATS");
  if (name == nullptr || executions_ == 0) return;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double cpu = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  const auto executions = static_cast<double>(executions_);
  std::ofstream(name) << fmt::format(
      "{{\"executions\": {}, \"seconds\": {:.3f}, \"per_second\": {:.1f}, \"per_cpu_second\": {:.1f}, "
      "\"applicable_percent\": {:.2f}, "
      "\"median_elements\": {}}}\n",
      executions_, seconds, executions / seconds, executions / cpu,
      100 * static_cast<double>(applicable_) / executions, median());
}

}  // namespace bncheck::fuzz
