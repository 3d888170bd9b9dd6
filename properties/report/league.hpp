#pragma once
/// Several subjects side by side on the same cases.

#include <string>
#include <vector>

#include "search/measure.hpp"

namespace bncheck {

struct Contestant {
  std::string name, version;
  Measured measured;
};

/// A row per operation, regime and output; per subject the share of outputs that are the nearest float, the
/// worst error in ulps and the worst attainable-error ratio.
std::string league_table(const std::vector<Contestant>& contestants, std::uint64_t seed);
std::string league_json(const std::vector<Contestant>& contestants, std::uint64_t seed);

}  // namespace bncheck
