#include "search/sequence.hpp"

#include <algorithm>

namespace bncheck {

std::optional<std::vector<Case>> cases_needed(const std::vector<Case>& ran, const FailsAfter& fails,
                                              std::chrono::steady_clock::time_point deadline) {
  const auto late = [&] { return std::chrono::steady_clock::now() > deadline; };
  std::vector<Case> needed;
  for (std::size_t count = 1;; count *= 2) {
    count = std::min(count, ran.size());
    needed.assign(ran.end() - static_cast<std::ptrdiff_t>(count), ran.end());
    if (fails(needed)) break;
    if (count == ran.size() || late()) return std::nullopt;
  }
  for (std::size_t part = needed.size() / 2; part > 0; part /= 2) {
    for (std::size_t k = 0; k < needed.size() && needed.size() > part && !late();) {
      std::vector<Case> fewer = needed;
      const auto from = fewer.begin() + static_cast<std::ptrdiff_t>(k);
      fewer.erase(from, from + static_cast<std::ptrdiff_t>(std::min(part, needed.size() - k)));
      if (fails(fewer)) {
        needed = std::move(fewer);
      } else {
        k += part;
      }
    }
  }
  return needed;
}

}  // namespace bncheck
