#include "exact_sums.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace bncheck {

Decomposed decompose(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto biased = static_cast<int>((bits >> 23) & 0xff);
  const auto fraction = static_cast<std::int64_t>(bits & 0x7fffff);
  const std::int64_t magnitude = biased == 0 ? fraction : fraction | 0x800000;
  return {(bits >> 31) != 0 ? -magnitude : magnitude, (biased == 0 ? 1 : biased) - 150};
}

Decomposed decompose(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto biased = static_cast<int>((bits >> 52) & 0x7ff);
  const auto fraction = static_cast<std::int64_t>(bits & 0xfffffffffffff);
  const std::int64_t magnitude = biased == 0 ? fraction : fraction | 0x10000000000000;
  return {(bits >> 63) != 0 ? -magnitude : magnitude, (biased == 0 ? 1 : biased) - 1075};
}

ExactSums::ExactSums() : sums_(exponents), magnitudes_(exponents), squares_(exponents) {}

template <class T>
void ExactSums::add(T value) {
  const Decomposed d = decompose(value);
  const int bin = d.exponent - lowest;
  const auto index = static_cast<std::size_t>(bin);
  const std::int64_t magnitude = std::abs(d.mantissa);
  sums_[index] += d.mantissa;
  magnitudes_[index] += magnitude;
  squares_[index] += static_cast<unsigned __int128>(magnitude) * static_cast<unsigned __int128>(magnitude);
  first_ = std::min(first_, bin);
  last_ = std::max(last_, bin);
  ++count_;
  constexpr int capacity = sizeof(T) == 4 ? 1 << 30 : 1 << 8;
  if (++pending_ >= capacity) fold();
}
template void ExactSums::add(float);
template void ExactSums::add(double);

void ExactSums::clear() {
  fold();
  count_ = 0;
  sum_ = magnitude_ = square_ = Dyadic();
}

void ExactSums::fold() {
  for (int bin = last_; bin >= first_; --bin) {
    const auto index = static_cast<std::size_t>(bin);
    if (magnitudes_[index] == 0) continue;
    const std::int64_t exponent = bin + lowest;
    sum_ = sum_ + Dyadic(Integer(sums_[index]), exponent);
    magnitude_ = magnitude_ + Dyadic(Integer(magnitudes_[index]), exponent);
    square_ = square_ + Dyadic(Integer(squares_[index]), 2 * exponent);
    sums_[index] = magnitudes_[index] = 0;
    squares_[index] = 0;
  }
  pending_ = 0;
  first_ = exponents;
  last_ = -1;
}

Dyadic ExactSums::sum() {
  fold();
  return sum_;
}
Dyadic ExactSums::sum_of_squares() {
  fold();
  return square_;
}
Dyadic ExactSums::sum_of_magnitudes() {
  fold();
  return magnitude_;
}

ExactProducts::ExactProducts() : sums_(exponents) {}

void ExactProducts::add(double a, double b) {
  const Decomposed da = decompose(a);
  const Decomposed db = decompose(b);
  const int bin = da.exponent + db.exponent - lowest;
  sums_[static_cast<std::size_t>(bin)] += static_cast<__int128>(da.mantissa) * db.mantissa;
  first_ = std::min(first_, bin);
  last_ = std::max(last_, bin);
  if (++pending_ >= 1 << 20) fold();
}

void ExactProducts::fold() {
  for (int bin = last_; bin >= first_; --bin) {
    __int128& term = sums_[static_cast<std::size_t>(bin)];
    if (term == 0) continue;
    sum_ = sum_ + Dyadic(Integer(term), bin + lowest);
    term = 0;
  }
  pending_ = 0;
  first_ = exponents;
  last_ = -1;
}

Dyadic ExactProducts::sum() {
  fold();
  return sum_;
}

void ExactProducts::clear() {
  fold();
  sum_ = Dyadic();
}

}  // namespace bncheck
