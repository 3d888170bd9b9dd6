#pragma once
/// Holding numbers against the exact answer, and against each other.

#include <limits>
#include <set>

#include "core/runner.hpp"

namespace bncheck {

enum class Judged {
  in_range,      ///< elements whose intermediate results stay in the exponent range of the arithmetic
  out_of_range,  ///< elements whose intermediate results leave float's
};

/// Every element of every output of the call (or of `only`) against the exact answer, by the subject's claim:
/// exact by bits, faithful by ulps < 1, sound by attainable-error ratio <= 1. Non-finite exact values must be
/// met. Of longer outputs `most` elements are looked at, from the first to the last.
void judge_call(const Run& run, std::size_t call, const Capabilities& can, Judged judged, Verdict& verdict,
                const std::set<Output>& only = {},
                std::int64_t most = std::numeric_limits<std::int64_t>::max());

/// State and configuration that the call must leave as they were: everything but its outputs, bit for bit.
void judge_state(const Run& run, std::size_t call, Verdict& verdict);

/// Where an element of one run lies in another.
struct Counterpart {
  const Run* run;
  std::size_t call;
  Output output;
  std::int64_t index;
};

/// Two computations of the same exact number: the same bits where `bitwise`, else |a - b| within the sum of
/// both attainable errors, which triangle inequality makes necessary where both runs are sound.
void judge_agreement(const Counterpart& a, const Counterpart& b, bool bitwise, const Capabilities& can,
                     Verdict& verdict);

/// Same bits, or both NaN: doubles tell the bits of every dtype that they hold.
bool same(double a, double b);

/// Turns `verdict` into a violation with this mismatch, keeping the worst few.
void add_mismatch(Verdict& verdict, const Mismatch& mismatch, const std::string& message);

}  // namespace bncheck
