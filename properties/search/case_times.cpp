#include "search/case_times.hpp"

#include <algorithm>

namespace bncheck {
namespace {

constexpr std::chrono::duration<double> long_time{1};
constexpr double many_times = 100;

}  // namespace

void CaseTimes::add(const Case& c, std::chrono::duration<double> time) {
  if (times_.size() < most_times) times_.push_back(time);
  if (time <= longest_) return;
  longest_ = time;
  if (time > long_time) slowest_ = c;
}

std::optional<SlowCase> CaseTimes::slow() const {
  if (longest_ <= long_time) return std::nullopt;
  auto times = times_;
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::ranges::nth_element(times, middle);
  if (longest_ <= many_times * *middle) return std::nullopt;
  return SlowCase{slowest_, longest_, *middle};
}

}  // namespace bncheck
