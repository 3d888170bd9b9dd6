#pragma once
/// Figures of many errors: counts, extremes, and the accuracy class that follows.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bncheck/expected.hpp"

namespace bncheck {

struct ErrorFigures {
  std::int64_t elements = 0;
  std::int64_t nearest = 0;   ///< correctly rounded
  std::int64_t faithful = 0;  ///< less than one ulp from the exact value
  /// Elements whose intermediate results leave the exponent range of the arithmetic. The figures below leave
  /// them out, because the attainable error is not a bound there.
  std::int64_t out_of_range = 0;
  std::int64_t unjudged =
      0;  ///< those of them for which not even a wider range gives a bound: no law judges them
  double worst_ulps = 0, worst_ratio = 0, worst_folded_ratio = 0;

  void add(const Error& error, bool has_bound = true);
  void add(const ErrorFigures& other);
  /// Share of correctly rounded elements, 0 to 1; 0 if there are no elements.
  double share_nearest() const;
};

enum class AccuracyClass {
  correctly_rounded,  ///< every element is the nearest number
  faithful,           ///< every element is less than one ulp from the exact value
  sound,              ///< every ratio is at most 1, with the declared summation
  folded,             ///< every ratio is at most 1 with folding into α·x + β′ allowed
  unsound,
};
/// "correctly rounded", "faithful", "sound", "explained by folding", "unsound"
std::string_view name_of(AccuracyClass accuracy);

/// Best class that all elements are in. The first two classes count every element; the others count only
/// elements whose intermediate results stay in range, where the ratio has a meaning. nullopt if nothing was
/// measured.
std::optional<AccuracyClass> accuracy_class(const ErrorFigures& figures);

/// Counts by powers of two: exact zeros, infinite values (or NaN), and bins [2^k, 2^(k+1)) between. The first
/// bin also takes all smaller values, the last one all larger values.
class LogHistogram {
 public:
  static constexpr int lowest = -12, highest = 30;  ///< k of the first and of the last bin
  static constexpr std::size_t bins = highest - lowest + 1;

  /// Precondition: value >= 0 or NaN.
  void add(double value);
  void add(const LogHistogram& other);
  /// k of the bin of a positive finite value.
  static int bin_of(double value);

  std::int64_t zeros() const { return zeros_; }
  std::int64_t infinite() const { return infinite_; }
  std::int64_t count(int k) const { return counts_[static_cast<std::size_t>(k - lowest)]; }

 private:
  std::int64_t zeros_ = 0, infinite_ = 0;
  std::array<std::int64_t, bins> counts_{};
};

}  // namespace bncheck
