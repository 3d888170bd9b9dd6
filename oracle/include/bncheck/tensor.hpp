#pragma once
/// Dense tensors of a Case: dtype, shape and the raw little-endian bytes. Placement is no part of them.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bncheck {

enum class Dtype { f32, f64, f16, bf16 };

/// Bytes of one element.
std::size_t size_of(Dtype dtype);
/// Name in safetensors: F32, F64, F16, BF16.
std::string_view name_of(Dtype dtype);
std::optional<Dtype> dtype_named(std::string_view name);

using Shape = std::vector<std::int64_t>;

/// Number of elements; nullopt if a size is negative or the product does not fit into int64.
std::optional<std::int64_t> element_count(const Shape& shape);
/// "[2, 3]"
std::string to_string(const Shape& shape);

/// Tensor with row-major values. Two tensors are equal if dtype, shape and bits are.
struct Tensor {
  Dtype dtype = Dtype::f32;
  Shape shape;
  std::vector<std::byte> bytes;

  static Tensor of(Shape shape, std::span<const float> values);
  static Tensor filled(Shape shape, float value);
  /// Tensor whose elements are all +0.
  static Tensor zeros(Dtype dtype, Shape shape);

  /// Number of elements that the bytes hold (a damaged Tensor may not agree with its shape; see `is_whole`).
  std::size_t size() const { return bytes.size() / size_of(dtype); }
  /// Whether the number of bytes is the one that dtype and shape require.
  bool is_whole() const;

  /// Views of an f32 tensor's elements. Precondition: dtype is f32.
  std::span<const float> floats() const;
  std::span<float> floats();

  bool operator==(const Tensor&) const = default;
};

}  // namespace bncheck
