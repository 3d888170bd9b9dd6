#pragma once
/// Figures of many errors: counts, extremes, and the accuracy class that follows from them.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bncheck/expected.hpp"

namespace bncheck {

struct ErrorFigures {
  std::int64_t elements = 0;
  std::int64_t nearest = 0;   ///< correctly rounded
  std::int64_t faithful = 0;  ///< less than an ulp off
  /// Elements whose intermediate results leave the exponent range of float. The figures below leave them out:
  /// nothing is promised of them that a ratio could measure.
  std::int64_t out_of_range = 0;
  double worst_ulps = 0, worst_ratio = 0, worst_folded_ratio = 0;

  void add(const Error& error);
  void add(const ErrorFigures& other);
  /// Share of nearest floats, 0 to 1; 0 of nothing.
  double share_nearest() const;
};

enum class AccuracyClass {
  correctly_rounded,  ///< every element is the nearest float
  faithful,           ///< every element is less than an ulp off
  sound,              ///< every ratio is at most 1: what float32 arithmetic with its summation may lose
  folded,             ///< every ratio is at most 1 once what folding into alpha x + beta' may lose is allowed
  unsound,
};
/// "correctly rounded", "faithful", "sound", "explained by folding", "unsound"
std::string_view name_of(AccuracyClass accuracy);

/// The best class that all elements are in. The first two count every element, the others those within
/// float's range, where alone a ratio means something. nullopt where nothing was measured.
std::optional<AccuracyClass> accuracy_class(const ErrorFigures& figures);

/// Counts by powers of two: exact zeros, what is infinite (or no number), and [2^k, 2^(k+1)) between, where
/// the first bin takes all that is smaller and the last all that is larger.
class LogHistogram {
 public:
  static constexpr int lowest = -12, highest = 30;  ///< k of the first and of the last bin
  static constexpr std::size_t bins = highest - lowest + 1;

  /// Precondition: value >= 0 or NaN.
  void add(double value);
  void add(const LogHistogram& other);
  /// The k of the bin that a positive finite value belongs to.
  static int bin_of(double value);

  std::int64_t zeros() const { return zeros_; }
  std::int64_t infinite() const { return infinite_; }
  std::int64_t count(int k) const { return counts_[static_cast<std::size_t>(k - lowest)]; }

 private:
  std::int64_t zeros_ = 0, infinite_ = 0;
  std::array<std::int64_t, bins> counts_{};
};

}  // namespace bncheck
