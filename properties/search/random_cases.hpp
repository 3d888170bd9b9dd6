#pragma once
/// The engine that draws cases: their random streams, and sizes that grow. What RapidCheck is needed for.

#include <cstdint>
#include <functional>

#include "bncheck/case.hpp"
#include "core/draws.hpp"

namespace bncheck {

enum class Drawn {
  counts,     ///< one of those that were wanted
  discarded,  ///< drawn for nothing
  last,       ///< no more cases
};

/// Draws cases that follow from the seed, each taken before the next is drawn, until `wanted` count or one is
/// the last. Gives up where 20 are discarded for each that is wanted.
void random_cases(std::uint64_t seed, int wanted, const std::function<Case(Draws&)>& draw,
                  const std::function<Drawn(const Case&)>& take);

}  // namespace bncheck
