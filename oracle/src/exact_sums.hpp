#pragma once
/// Exact sums of many floating-point numbers and of their squares.

#include <cstdint>
#include <vector>

#include "bncheck/exact.hpp"

namespace bncheck {

/// A finite number as an integer and a power of two.
struct Decomposed {
  std::int64_t mantissa;
  int exponent;
};
/// Exponents from -1074 to 971 for doubles; for a float the mantissa has 24 bits.
Decomposed decompose(float value);
Decomposed decompose(double value);

/// One integer per exponent: adding is one integer addition, carrying happens once, at the end. The bins hold
/// 2^38 floats or 2^9 doubles for the sum and 2^79 or 2^21 for the squares before they could overflow; `add`
/// folds them into the total long before.
class ExactSums {
 public:
  ExactSums();
  template <class T>
  void add(T value);
  /// Back to the empty sum, without giving back memory.
  void clear();
  std::int64_t count() const { return count_; }
  Dyadic sum();
  Dyadic sum_of_squares();
  Dyadic sum_of_magnitudes();

 private:
  void fold();

  static constexpr int lowest = -1074;
  static constexpr int exponents = 2048;
  std::int64_t count_ = 0;
  int pending_ = 0;
  int first_ = exponents, last_ = -1;
  std::vector<std::int64_t> sums_, magnitudes_;
  std::vector<unsigned __int128> squares_;
  Dyadic sum_, magnitude_, square_;
};

/// The exact sum of a b over many pairs, by the same bins: products of 53-bit mantissas, 2^20 of them before
/// a bin could overflow.
class ExactProducts {
 public:
  ExactProducts();
  void add(double a, double b);
  Dyadic sum();
  void clear();

 private:
  void fold();

  static constexpr int lowest = -2 * 1074;
  static constexpr int exponents = 4096;
  int pending_ = 0;
  int first_ = exponents, last_ = -1;
  std::vector<__int128> sums_;
  Dyadic sum_;
};

}  // namespace bncheck
