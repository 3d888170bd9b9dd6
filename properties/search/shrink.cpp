#include "search/shrink.hpp"

#include "search/smaller.hpp"

namespace bncheck {

Case shrink(Case c, const std::function<bool(const Case&)>& wanted,
            std::chrono::steady_clock::time_point deadline) {
  auto steps = smaller(c);
  std::size_t place = 0;
  std::size_t failed = 0;  // number of failed steps in a row
  while (failed < steps.size() && std::chrono::steady_clock::now() <= deadline) {
    if (place >= steps.size()) place = 0;
    Case candidate = steps[place]();
    if (wanted(candidate)) {
      c = std::move(candidate);
      steps = smaller(c);
      failed = 0;
    } else {
      ++place;
      ++failed;
    }
  }
  return c;
}

}  // namespace bncheck
