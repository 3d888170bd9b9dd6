#pragma once
/// Single elements of tensors of any dtype, as the double that equals them.

#include <bit>
#include <cmath>
#include <optional>

#include "bncheck/float_format.hpp"
#include "bncheck/tensor.hpp"

namespace bncheck {

/// The number with these bits, exact in every format. A NaN is any NaN.
double value_of_bits(std::uint64_t bits, const FloatFormat& format);
/// The bits of the number of the format that is nearest to `value`, ties to even; beyond the largest one by
/// half an ulp lies infinity, and a NaN is the positive quiet one.
std::uint64_t nearest_bits_of(double value, const FloatFormat& format);
/// That number. Precondition for f64: none, it is `value`.
double rounded_to(Dtype dtype, double value);
double largest_finite(Dtype dtype);
/// The next number of the dtype towards +infinity (`up`) or -infinity. Precondition: `value` is one of the
/// dtype's.
double next_to(Dtype dtype, double value, bool up);

/// Exact for every dtype.
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

/// The element's bits, in the low end.
std::uint64_t element_bits(const Tensor& tensor, std::int64_t index);
void set_element_bits(Tensor& tensor, std::int64_t index, std::uint64_t bits);
/// Rounded to the tensor's dtype; a NaN keeps neither sign nor payload, except in f32 and f64.
void set_element(Tensor& tensor, std::int64_t index, double value);

/// Visits every element: change(double) gives the new value, which is rounded to the tensor's dtype.
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

/// Every element is this value, rounded to the dtype.
Tensor filled_with(Dtype dtype, Shape shape, double value);
/// The same values, each rounded to the dtype.
Tensor converted(const Tensor& tensor, Dtype dtype);

}  // namespace bncheck
