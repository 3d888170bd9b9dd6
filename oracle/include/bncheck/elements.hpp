#pragma once
/// Single elements of tensors of any dtype, as doubles. A double holds every number of every dtype exactly.

#include <bit>
#include <cmath>
#include <optional>

#include "bncheck/float_format.hpp"
#include "bncheck/tensor.hpp"

namespace bncheck {

/// Number with these bits, exact in every format. For a NaN the result is some NaN.
double value_of_bits(std::uint64_t bits, const FloatFormat& format);
/// Bits of the number of the format that is nearest to `value`, ties to even. From half an ulp above the
/// largest finite number on, the result is infinity. A NaN becomes the positive quiet NaN.
std::uint64_t nearest_bits_of(double value, const FloatFormat& format);
/// `value` rounded to the dtype; for f64 it is `value` itself.
double rounded_to(Dtype dtype, double value);
double largest_finite(Dtype dtype);
/// Next number of the dtype towards +infinity (`up`) or −infinity. Precondition: `value` is a number of the
/// dtype.
double next_to(Dtype dtype, double value, bool up);

/// Value of one element, exact for every dtype.
inline double element(const Tensor& tensor, std::int64_t index) {
  const std::byte* at = tensor.bytes.data() + static_cast<std::size_t>(index) * size_of(tensor.dtype);
  if (tensor.dtype == Dtype::f32) {
    float value;
    std::memcpy(&value, at, sizeof value);
    return static_cast<double>(value);
  }
  if (tensor.dtype == Dtype::f64) {
    double value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  std::uint16_t bits;
  std::memcpy(&bits, at, sizeof bits);
  return value_of_bits(bits, format_of(tensor.dtype));
}

/// An element of a tensor that may be absent, such as a weight.
inline double element_or(const std::optional<Tensor>& tensor, std::int64_t index, double otherwise) {
  return tensor ? element(*tensor, index) : otherwise;
}

/// Bits of one element, in the low end of the result.
std::uint64_t element_bits(const Tensor& tensor, std::int64_t index);
void set_element_bits(Tensor& tensor, std::int64_t index, std::uint64_t bits);
/// Sets one element to `value`, rounded to the dtype of the tensor. A NaN keeps its sign and payload only in
/// f32 and f64.
void set_element(Tensor& tensor, std::int64_t index, double value);

/// Replaces every element v by change(v), rounded to the dtype of the tensor.
template <class Change>
void change_elements(Tensor& tensor, const Change& change) {
  const auto count = static_cast<std::int64_t>(tensor.size());
  for (std::int64_t i = 0; i < count; ++i) set_element(tensor, i, change(element(tensor, i)));
}
template <class Predicate>
bool all_elements(const Tensor& tensor, const Predicate& holds) {
  const auto count = static_cast<std::int64_t>(tensor.size());
  for (std::int64_t i = 0; i < count; ++i) {
    if (!holds(element(tensor, i))) return false;
  }
  return true;
}

/// Tensor whose elements all have this value, rounded to the dtype.
Tensor filled_with(Dtype dtype, Shape shape, double value);
/// Tensor with the same values, each rounded to the dtype.
Tensor converted(const Tensor& tensor, Dtype dtype);

}  // namespace bncheck
