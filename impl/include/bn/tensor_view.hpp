// A tensor for bn: memory of the caller, with sizes and strides.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace bn {

inline constexpr int max_rank = 8;

/// Non-owning strided view. Strides are in elements and may be anything, also 0 or negative:
/// element (i0, i1, …) is data[Σ i_k·strides[k]]. Entries of sizes and strides from `rank` on are unused.
template <class T>
struct TensorView {
  T* data = nullptr;
  int rank = 0;
  std::array<std::int64_t, max_rank> sizes{};
  std::array<std::int64_t, max_rank> strides{};

  /// Row-major view (the last dimension is the fastest). Throws Error{rank} for more than max_rank sizes,
  /// Error{length} for a negative size or a number of elements that does not fit into int64.
  static TensorView contiguous(T* data, std::span<const std::int64_t> sizes);

  /// View with the given strides. Throws as `contiguous` does, and Error{rank} if the numbers of sizes and
  /// strides differ.
  static TensorView strided(T* data, std::span<const std::int64_t> sizes,
                            std::span<const std::int64_t> strides);

  /// Product of the sizes; 1 for rank 0.
  [[nodiscard]] std::int64_t numel() const noexcept {
    std::int64_t product = 1;
    for (int k = 0; k < rank; ++k) {
      if (sizes[static_cast<std::size_t>(k)] == 0) return 0;
      product *= sizes[static_cast<std::size_t>(k)];
    }
    return product;
  }

  [[nodiscard]] std::span<const std::int64_t> shape() const noexcept {
    return std::span(sizes).first(static_cast<std::size_t>(rank));
  }

  // NOLINTNEXTLINE(google-explicit-constructor): as a pointer to T converts to a pointer to const T
  operator TensorView<const T>() const noexcept
    requires(!std::is_const_v<T>)
  {
    return {data, rank, sizes, strides};
  }
};

extern template struct TensorView<float>;
extern template struct TensorView<const float>;

}  // namespace bn
