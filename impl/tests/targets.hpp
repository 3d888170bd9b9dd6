// The instruction sets that this machine can run.
#pragma once

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace bn::test {

// All supported targets and the baseline target. Every processor supports the baseline, but it is not listed
// as supported if there is a better target.
inline std::vector<std::int64_t> all_targets() {
  std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  if (std::ranges::find(targets, HWY_STATIC_TARGET) == targets.end()) targets.push_back(HWY_STATIC_TARGET);
  return targets;
}

}  // namespace bn::test
