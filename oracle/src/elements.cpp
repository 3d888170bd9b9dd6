#include "bncheck/elements.hpp"

#include <algorithm>

namespace bncheck {

double value_of_bits(std::uint64_t bits, const FloatFormat& format) {
  // Formats of the machine need no arithmetic.
  if (format.precision == format_f64.precision) return std::bit_cast<double>(bits);
  if (format.precision == format_f32.precision) {
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  }
  const std::uint64_t code = bits & ((std::uint64_t{1} << format.sign_shift()) - 1);
  const double sign = (bits >> format.sign_shift()) != 0 ? -1 : 1;
  if (code > format.infinity_code()) return std::copysign(std::nan(""), sign);
  if (code == format.infinity_code()) return sign * HUGE_VAL;
  const int fraction_bits = format.precision - 1;
  const auto biased = static_cast<int>(code >> fraction_bits);
  const std::uint64_t hidden = std::uint64_t{1} << fraction_bits;
  const std::uint64_t fraction = (code & (hidden - 1)) | (biased == 0 ? 0 : hidden);
  return sign *
         std::ldexp(static_cast<double>(fraction), format.smallest_exponent() + std::max(biased, 1) - 1);
}

/// Rounding may carry the significand into the next binade. The code is (exponent − min_exponent) shifted
/// left, plus the significand with its hidden bit, so the carry and the hidden bit increase the biased
/// exponent by themselves.
std::uint64_t nearest_bits_of(double value, const FloatFormat& format) {
  if (std::isnan(value)) return format.nan_code();
  const std::uint64_t sign = std::uint64_t{std::signbit(value)} << format.sign_shift();
  const double size = std::fabs(value);
  if (size == 0) return sign;
  const int max_exponent = 1 - format.min_exponent;
  if (std::isinf(size) || std::ilogb(size) > max_exponent) return sign | format.infinity_code();
  const int exponent = std::max(std::ilogb(size), format.min_exponent);
  // Rounds to the nearest integer, ties to even. A double holds that integer for every format.
  const double significand = std::nearbyint(std::ldexp(size, format.precision - 1 - exponent));
  const auto biased_less_one = static_cast<std::uint64_t>(exponent - format.min_exponent);
  return sign | ((biased_less_one << (format.precision - 1)) + static_cast<std::uint64_t>(significand));
}

double rounded_to(Dtype dtype, double value) {
  if (dtype == Dtype::f64) return value;
  if (dtype == Dtype::f32) return static_cast<double>(static_cast<float>(value));
  return value_of_bits(nearest_bits_of(value, format_of(dtype)), format_of(dtype));
}

double largest_finite(Dtype dtype) {
  const FloatFormat format = format_of(dtype);
  return value_of_bits(format.infinity_code() - 1, format);
}

double next_to(Dtype dtype, double value, bool up) {
  const FloatFormat format = format_of(dtype);
  if (std::isnan(value) || (std::isinf(value) && (value > 0) == up)) return value;
  const std::uint64_t sign = std::uint64_t{1} << format.sign_shift();
  if (value == 0) return value_of_bits(up ? 1 : 1 | sign, format);
  const std::uint64_t bits = nearest_bits_of(value, format);
  return value_of_bits((value > 0) == up ? bits + 1 : bits - 1, format);
}

std::uint64_t element_bits(const Tensor& tensor, std::int64_t index) {
  const std::size_t size = size_of(tensor.dtype);
  std::uint64_t bits = 0;
  // Tensors are little-endian, as are all machines that bncheck is built for.
  std::memcpy(&bits, tensor.bytes.data() + static_cast<std::size_t>(index) * size, size);
  return bits;
}

void set_element_bits(Tensor& tensor, std::int64_t index, std::uint64_t bits) {
  const std::size_t size = size_of(tensor.dtype);
  std::memcpy(tensor.bytes.data() + static_cast<std::size_t>(index) * size, &bits, size);
}

void set_element(Tensor& tensor, std::int64_t index, double value) {
  switch (tensor.dtype) {
    case Dtype::f32:
      return set_element_bits(tensor, index, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
    case Dtype::f64:
      return set_element_bits(tensor, index, std::bit_cast<std::uint64_t>(value));
    case Dtype::f16:
    case Dtype::bf16:
      return set_element_bits(tensor, index, nearest_bits_of(value, format_of(tensor.dtype)));
  }
}

Tensor filled_with(Dtype dtype, Shape shape, double value) {
  Tensor tensor = Tensor::zeros(dtype, std::move(shape));
  change_elements(tensor, [=](double) { return value; });
  return tensor;
}

Tensor converted(const Tensor& tensor, Dtype dtype) {
  if (tensor.dtype == dtype) return tensor;
  const std::size_t count = tensor.size();
  Tensor result{dtype, tensor.shape, std::vector<std::byte>(count * size_of(dtype))};
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(count); ++i) {
    set_element(result, i, element(tensor, i));
  }
  return result;
}

}  // namespace bncheck
