#include "bn/tensor_view.hpp"

#include <algorithm>

#include "bn/error.hpp"
#include "shape_text.hpp"

namespace bn {
namespace {

// Row-major strides. A tensor without elements has no addresses, so any strides are right; 0 cannot overflow.
std::array<std::int64_t, max_rank> row_major(std::span<const std::int64_t> sizes) {
  std::array<std::int64_t, max_rank> strides{};
  if (std::ranges::find(sizes, 0) != sizes.end()) return strides;
  std::int64_t step = 1;
  for (std::size_t k = sizes.size(); k-- > 0;) {
    strides[k] = step;
    step *= sizes[k];
  }
  return strides;
}

void check_sizes(std::span<const std::int64_t> sizes) {
  if (sizes.size() > max_rank) {
    throw Error(ErrorKind::rank, "expected a view of at most " + std::to_string(max_rank) +
                                     " dimensions, got " + std::to_string(sizes.size()));
  }
  if (std::ranges::any_of(sizes, [](std::int64_t size) { return size < 0; })) {
    throw Error(ErrorKind::length, "expected sizes of 0 or more, got " + shape_text(sizes));
  }
  if (std::ranges::find(sizes, 0) != sizes.end()) return;
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) {
    if (__builtin_mul_overflow(count, size, &count)) {
      throw Error(ErrorKind::length,
                  "expected a number of elements below 2^63, got sizes " + shape_text(sizes));
    }
  }
}

}  // namespace

template <class T>
TensorView<T> TensorView<T>::contiguous(T* data, std::span<const std::int64_t> sizes) {
  check_sizes(sizes);
  TensorView view{data, static_cast<int>(sizes.size()), {}, row_major(sizes)};
  std::ranges::copy(sizes, view.sizes.begin());
  return view;
}

template <class T>
TensorView<T> TensorView<T>::strided(T* data, std::span<const std::int64_t> sizes,
                                     std::span<const std::int64_t> strides) {
  check_sizes(sizes);
  if (strides.size() != sizes.size()) {
    throw Error(ErrorKind::rank, "expected " + std::to_string(sizes.size()) + " strides, got " +
                                     std::to_string(strides.size()));
  }
  TensorView view{data, static_cast<int>(sizes.size()), {}, {}};
  std::ranges::copy(sizes, view.sizes.begin());
  std::ranges::copy(strides, view.strides.begin());
  return view;
}

template struct TensorView<float>;
template struct TensorView<const float>;

}  // namespace bn
