#pragma once
/// The judge: comparison of numbers with the exact answer, and with each other.

#include <algorithm>
#include <limits>
#include <optional>
#include <set>

#include "core/runner.hpp"

namespace bncheck {

enum class Judged {
  in_range,  ///< elements whose intermediate results stay in the exponent range of the arithmetic
  all,       ///< also those whose intermediate results leave that range
};

/// Elements of an output that are compared: all, or `most` of a longer one. Those are the first, the last, and one of
/// each of the equal parts between them, at a place that depends on `number`.
struct Sample {
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::uint64_t number = 0;

  std::int64_t count(std::int64_t size) const { return std::min(size, most); }
  /// Index of the k-th of them in an output of this size.
  std::int64_t index(std::int64_t k, std::int64_t size) const;
};

/// Compares every element of every output of the call (or of `only`) with the exact answer, by the subject's
/// claim: exact by bits, faithful by ulps < 1, sound by attainable-error ratio <= 1. Exact values that are
/// not finite must be met. Out of range, the bound of an arithmetic with a wider one must hold.
void judge_call(const Run& run, std::size_t call, const Capabilities& can, Judged judged, Verdict& verdict,
                const std::set<Output>& only = {}, Sample sample = {});

/// Checks that the call leaves everything but its outputs in the state and configuration as it was, bit for
/// bit.
void judge_state(const Run& run, std::size_t call, Verdict& verdict);

/// Place of an element of one run in another run.
struct Counterpart {
  const Run* run;
  std::size_t call;
  Output output;
  std::int64_t index;
};

/// Compares two computations of the same exact number: the same bits if `bitwise`, else |a − b| within the
/// sum of both attainable errors. By the triangle inequality, two sound runs cannot differ by more.
void judge_agreement(const Counterpart& a, const Counterpart& b, bool bitwise, const Capabilities& can,
                     Verdict& verdict);

/// Error of an element whose intermediate results leave the numerics' range, by the bound of an arithmetic with a wider
/// range; nullopt where that promises nothing either, such as the sign of an infinity.
std::optional<Error> error_beyond_range(const ExpectedTensor& expected, std::int64_t index, double got,
                                        Numerics numerics);

/// Whether the error is within the claim: none, less than an ulp, or within the attainable error.
bool meets_claim(const Error& error, Claim claim);

/// Whether the two are the same number with the same sign, or both NaN.
bool same(double a, double b);

/// Turns `verdict` into a violation with this mismatch; only the worst few are kept.
void add_mismatch(Verdict& verdict, const Mismatch& mismatch, const std::string& message);

}  // namespace bncheck
