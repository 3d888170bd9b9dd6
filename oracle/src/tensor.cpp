#include "bncheck/tensor.hpp"

#include <limits>

namespace bncheck {

std::size_t size_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return 8;
    case Dtype::f16:
    case Dtype::bf16:
      return 2;
    case Dtype::f32:
      break;
  }
  return 4;
}

std::string_view name_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return "F64";
    case Dtype::f16:
      return "F16";
    case Dtype::bf16:
      return "BF16";
    case Dtype::f32:
      break;
  }
  return "F32";
}

std::optional<Dtype> dtype_named(std::string_view name) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16}) {
    if (name_of(dtype) == name) return dtype;
  }
  return std::nullopt;
}

std::optional<std::int64_t> element_count(const Shape& shape) {
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(count, size, &count)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : count;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(size);
  }
  return text + "]";
}

Tensor Tensor::of(Shape shape, std::span<const float> values) {
  Tensor tensor{Dtype::f32, std::move(shape), std::vector<std::byte>(values.size_bytes())};
  if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), values.size_bytes());
  return tensor;
}

Tensor Tensor::filled(Shape shape, float value) {
  const std::vector<float> values(static_cast<std::size_t>(element_count(shape).value_or(0)), value);
  return of(std::move(shape), values);
}

Tensor Tensor::zeros(Dtype dtype, Shape shape) {
  const auto count = static_cast<std::size_t>(element_count(shape).value_or(0));
  return {dtype, std::move(shape), std::vector<std::byte>(count * size_of(dtype))};
}

bool Tensor::is_whole() const {
  const auto count = element_count(shape);
  return count &&
         static_cast<std::uint64_t>(*count) <= std::numeric_limits<std::size_t>::max() / size_of(dtype) &&
         bytes.size() == static_cast<std::size_t>(*count) * size_of(dtype);
}

// The storage of std::vector comes from operator new: it is aligned for every scalar. An array of std::byte
// provides storage, in which the floats that memcpy or a reader puts there exist implicitly.
std::span<const float> Tensor::floats() const {
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}
std::span<float> Tensor::floats() {
  return {reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float)};
}

}  // namespace bncheck
