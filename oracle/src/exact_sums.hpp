#pragma once
/// Exact sums of many floating-point numbers, and of their squares and products.

#include <cstdint>
#include <vector>

#include "bncheck/exact.hpp"

namespace bncheck {

/// A finite number as mantissa · 2^exponent.
struct Decomposed {
  std::int64_t mantissa;
  int exponent;
};
/// Decomposition of a finite number. Doubles have exponents from −1074 to 971 and a mantissa of 53 bits,
/// floats a mantissa of 24 bits.
Decomposed decompose(float value);
Decomposed decompose(double value);

/// Sums with one integer per exponent (a bin): adding a number is one integer addition, and carries are
/// handled once, at the end. A bin of int64 holds 2^39 floats or 2^10 doubles for the sum, and a bin of 128
/// bits 2^80 or 2^22 squares, before it could overflow; `add` folds the bins into the total long before.
class ExactSums {
 public:
  ExactSums();
  template <class T>
  void add(T value);
  /// Resets to the empty sum and keeps the memory.
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

/// Exact sum of a·b over many pairs, with the same bins. Products of two 53-bit mantissas have 106 bits, so a
/// bin holds 2^21 of them before it could overflow; `add` folds after 2^20.
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
